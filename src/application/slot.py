"""One place in which one prompt after the other is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from returns import result
from returns.pipeline import is_successful

from application.mistakes import what_and_where
from application.ports.prompt_repository import RepositoryError
from application.settle import UNEXPECTED, Ending
from domain.breaker import Verdict
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from returns.result import Result

    from application.admission import Admission
    from application.leases import HeldLease, LeaseKeeper
    from application.ports.clock import Clock
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.render_prompt import PromptRenderer, Rendition
    from application.settle import Settlement
    from application.stopping import StopRequest
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
        environment: variables for whatever is rendered here, over the program's own.
    """

    def __init__(
        self,
        repository: PromptRepository,
        prompt_renderer: PromptRenderer,
        settlement: Settlement,
        admission: Admission,
        keeper: LeaseKeeper,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._repository = repository
        self._prompt_renderer = prompt_renderer
        self._settlement = settlement
        self._admission = admission
        self._keeper = keeper
        self._clock = clock
        self._environment = environment or {}

    def take(self, selection: Selection) -> HeldLease | None:
        """Claim the next prompt that may be claimed, if there is one.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claiming():
            claim = self._admission.claim(selection, self._repository.claim_next)
            return None if claim is None else self._keeper.hold(claim)

    def attend(
        self, held: HeldLease, stop: StopRequest, following: Callable[[], Selection | None]
    ) -> tuple[Ending, HeldLease | None]:
        """Render what was taken, and end its render.

        Args:
            held: what was taken.
            stop: ends it early; the prompt is given back.
            following: says, when it comes to that, which prompts one may be taken of along
                with the publication: one wait for the disk.

        Returns:
            How it ended, and what was taken along.

        Raises:
            RepositoryError: the database cannot be used.
        """
        claim, began = held.claim, self._clock.monotonic()
        try:
            self._settlement.begin(claim)
            rendered = self._render(held, stop, began)
            seconds = self._clock.monotonic() - began
            if is_successful(rendered):
                return self._publish(claim, rendered.unwrap(), seconds, following())
            return self._settle(claim, rendered.failure(), seconds), None
        finally:
            self._admission.let_go(claim)
            self._keeper.let_go(held)

    def _render(
        self, held: HeldLease, stop: StopRequest, began: float
    ) -> Result[Rendition, Failure]:
        try:
            return self._prompt_renderer.render(held, stop, self._environment)
        except Exception as error:
            if not isinstance(error, OSError | RepositoryError):
                # One prompt's way into a mistake of ours must not keep others from theirs.
                return result.Failure(Failure(FailureCode.PROGRAM_ERROR, what_and_where(error)))
            self._settlement.release(held.claim, UNEXPECTED, self._clock.monotonic() - began)
            raise
        except BaseException:
            # The end of the program: the prompt must not pay for it.
            self._settlement.release(held.claim, UNEXPECTED, self._clock.monotonic() - began)
            raise

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
                self._keeper.drop_jobs_of(claim)
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
