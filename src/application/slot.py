"""One place in which one prompt after the other is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from application.settle import UNEXPECTED, Ending
from domain.breaker import Verdict

if TYPE_CHECKING:
    from application.admission import Admission
    from application.leases import HeldLease, LeaseKeeper
    from application.ports.clock import Clock
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.render_prompt import PromptRenderer, Rendition
    from application.settle import Settlement
    from application.stopping import StopRequest
    from domain.failure import Failure
    from domain.render import Claim


class RenderSlot:
    """Claims a prompt, renders it, and ends its render. One thread uses it.

    Args:
        repository: the queue.
        prompt_renderer: the way of one prompt.
        settlement: the beginnings and ends of renders.
        admission: what may be claimed.
        keeper: of the leases.
        clock: its monotonic side.
    """

    def __init__(
        self,
        repository: PromptRepository,
        prompt_renderer: PromptRenderer,
        settlement: Settlement,
        admission: Admission,
        keeper: LeaseKeeper,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._prompt_renderer = prompt_renderer
        self._settlement = settlement
        self._admission = admission
        self._keeper = keeper
        self._clock = clock

    def take(self, selection: Selection) -> HeldLease | None:
        """Claim the next prompt that may be claimed, if there is one.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claiming():
            claim = self._admission.claim(selection, self._repository.claim_next)
            return None if claim is None else self._keeper.hold(claim)

    def attend(
        self, held: HeldLease, stop: StopRequest, following: Selection | None
    ) -> tuple[Ending, HeldLease | None]:
        """Render what was taken, and end its render.

        Args:
            held: what was taken.
            stop: ends it early; the prompt is given back.
            following: claim one of these along with the publication: one wait for the disk.

        Returns:
            How it ended, and what was taken along.

        Raises:
            RepositoryError: the database cannot be used.
        """
        claim, began = held.claim, self._clock.monotonic()
        try:
            self._settlement.begin(claim)
            try:
                rendered = self._prompt_renderer.render(held, stop)
            except BaseException:
                # A mistake in the program, or the end of it: the prompt must not pay for it.
                self._settlement.release(claim, UNEXPECTED, self._clock.monotonic() - began)
                raise
            seconds = self._clock.monotonic() - began
            if is_successful(rendered):
                wanted = None if stop.made else following
                return self._publish(claim, rendered.unwrap(), seconds, wanted)
            return self._settle(claim, rendered.failure(), seconds), None
        finally:
            self._admission.let_go(claim)
            self._keeper.let_go(held)

    def give_back(self, held: HeldLease) -> None:
        """Let go of what was taken but will not be rendered."""
        try:
            self._settlement.release(held.claim, UNEXPECTED, 0.0)
        finally:
            self._admission.let_go(held.claim)
            self._keeper.let_go(held)

    def _publish(
        self, claim: Claim, rendition: Rendition, seconds: float, following: Selection | None
    ) -> tuple[Ending, HeldLease | None]:
        wanted = following and self._admission.following(following)
        with self._keeper.claiming():
            ending, after = self._settlement.publish(claim, rendition, seconds, wanted)
            held = None if after is None else self._keeper.hold(after)
        try:
            if ending is Ending.PUBLISHED:
                self._admission.succeeded(claim)
        except BaseException:
            # Nobody will know of the prompt that was claimed along.
            if held is not None:
                self.give_back(held)
            raise
        return ending, held

    def _settle(self, claim: Claim, failure: Failure, seconds: float) -> Ending:
        if self._admission.judge(claim, failure) is Verdict.CHARGE:
            return self._settlement.charge(claim, failure, seconds)
        # Or the lease was lost: then the release is refused, and says so.
        return self._settlement.release(claim, failure, seconds)
