"""Which worker makes the next step, and what happens when there is nothing to do."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from application.ports.prompt_repository import Selection
from tests.contract.queue_machine_worker import DeadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.render import Claim
    from tests.contract.queue_machine_others import OtherPrograms
    from tests.contract.queue_machine_rendering import Renderer
    from tests.contract.queue_machine_worker import Death, Worker


class Steps:
    """Steps of the workers, each followed by a check of the invariants.

    Args:
        renderer: makes the steps.
        others: add more work.
        workers: all workers.
        check: checks the invariants.
    """

    def __init__(
        self,
        renderer: Renderer,
        others: OtherPrograms,
        workers: Sequence[Worker],
        check: Callable[[], None],
    ) -> None:
        self._renderer = renderer
        self._others = others
        self._workers = workers
        self._check = check

    def take(
        self,
        how: str,
        slot: int,
        which: int = 0,
        selection: Selection | None = None,
        death: Death | None = None,
    ) -> Claim | None:
        """Make one step with one of a worker's claims, or claim; returns the current claim."""
        worker, wanted = self._workers[slot], selection or Selection()
        claim = self._claim_of(worker, which)
        with suppress(DeadError):
            if how == "claim" or claim is None:
                self._find_work(wanted)
                self._renderer.claim(worker, wanted, death)
            elif how == "publish_and_claim":
                self._renderer.publish_and_claim(worker, claim, wanted, death)
            else:
                getattr(self._renderer, how)(worker, claim, death)
        self._check()
        return self._claim_of(worker, 0)

    def begin_and_vanish(self, slot: int, *, places: bool, dies: bool) -> None:
        """Claim, perhaps render to the end, then suspend the worker or let it die."""
        self.take("claim", slot)
        if places:
            self.take("place", slot)
        if dies:
            self._workers[slot].die()

    def _find_work(self, selection: Selection) -> None:
        """If nothing can be claimed, wait, or let another program reset a prompt."""
        clock, model = self._renderer.clock, self._renderer.model
        now = clock.now()
        due = model.next_retry_at(selection, now)
        if model.claimable(selection, now):
            return
        if due:
            clock.advance((due - now).total_seconds())
        else:
            self._others.reset_first()

    def _claim_of(self, worker: Worker, which: int) -> Claim | None:
        """A live claim, if there is one, or an ended one; newest first."""
        renders = self._renderer.model.renders
        newest = sorted(
            worker.claims,
            key=lambda claim: (renders[claim.render_id].outcome is not None, -claim.render_id),
        )
        return newest[which % len(newest)] if newest else None
