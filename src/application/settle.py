"""How a render ends: published, failed, postponed, given back, or superseded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from application.ports.events import (
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    RenderAbandoned,
    RenderStarted,
    RenderSuperseded,
)
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.chance import Chance
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.render_prompt import PromptRenderer, Rendition
    from domain.artifact import Artifact
    from domain.render import Claim, LiveRender
    from domain.retry import RetryPolicy


UNEXPECTED = Failure(FailureCode.INTERRUPTED, "the program ended unexpectedly")


class Ending(Enum):
    """How a render ended, for whoever counts."""

    PUBLISHED = auto()
    FAILED = auto()
    POSTPONED = auto()
    RELEASED = auto()
    SUPERSEDED = auto()


class Settlement:
    """Ends renders in the queue, and tells whoever wants to know."""

    def __init__(
        self,
        repository: PromptRepository,
        prompt_renderer: PromptRenderer,
        policy: RetryPolicy,
        chance: Chance,
        clock: Clock,
        events: EventListener,
    ) -> None:
        self._repository = repository
        self._prompt_renderer = prompt_renderer
        self._policy = policy
        self._chance = chance
        self._clock = clock
        self._events = events

    def begin(self, claim: Claim) -> None:
        """Tell that a prompt was claimed."""
        self._events.notice(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))

    def finish(self, claim: Claim, artifacts: Sequence[Artifact]) -> bool:
        """Publish what somebody else had finished; False when it may not be published."""
        if not self._repository.publish(claim, artifacts, 0.0):
            return False
        paths = tuple(artifact.file_path for artifact in artifacts)
        self._events.notice(
            PromptPublished(claim.prompt_id, claim.render_id, claim.kind, paths, 0.0)
        )
        return True

    def is_given_up(self, render: LiveRender) -> bool:
        """Whether so many workers died over a prompt that nobody takes up what one left."""
        return self._policy.gives_up_after(render.crashes)

    def verdict_on(self, render: LiveRender) -> Failure | None:
        """Why a prompt whose worker was lost ends in error, or None when it is tried again."""
        crashes = render.crashes + 1
        if not self._policy.gives_up_after(crashes):
            return None
        message = f"the program died {crashes} times while it rendered this prompt"
        return Failure(FailureCode.WORKER_LOST, message)

    def abandoned(self, render: LiveRender, failure: Failure | None) -> None:
        """Tell that a render was taken from a worker that was lost."""
        self._events.notice(
            RenderAbandoned(render.prompt_id, render.render_id, render.kind, failure)
        )

    def publish(
        self, claim: Claim, rendition: Rendition, seconds: float, following: Selection | None
    ) -> tuple[Ending, Claim | None]:
        """Publish, and claim the next prompt in the same transaction where one is wanted."""
        artifacts = rendition.artifacts
        if following is None:
            published, after = self._repository.publish(claim, artifacts, seconds), None
        else:
            published, after = self._repository.publish_and_claim(
                claim, artifacts, seconds, following
            )
        try:
            if published:
                return self._published(claim, rendition, seconds), after
            return self._superseded(claim, seconds), after
        except BaseException:
            # Nobody will know of the prompt that was claimed along.
            if after is not None:
                self.release(after, UNEXPECTED, 0.0)
            raise

    def _published(self, claim: Claim, rendition: Rendition, seconds: float) -> Ending:
        self._prompt_renderer.clear_away(claim, keep_placed=True)
        paths = tuple(artifact.file_path for artifact in rendition.artifacts)
        self._events.notice(
            PromptPublished(claim.prompt_id, claim.render_id, claim.kind, paths, seconds)
        )
        return Ending.PUBLISHED

    def charge(self, claim: Claim, failure: Failure, seconds: float) -> Ending:
        """Count the failure against the prompt: another try later, or the end."""
        wait = self._policy.wait(failure, claim.attempt, self._chance.fraction())
        if wait is None:
            return self._fail(claim, _counted(failure, claim.attempt), seconds)
        retry_at = self._clock.now() + timedelta(seconds=wait)
        if not self._repository.postpone(claim, failure, seconds, retry_at):
            return self._superseded(claim, seconds)
        self._prompt_renderer.clear_away(claim, keep_placed=False)
        self._events.notice(
            PromptPostponed(
                claim.prompt_id, claim.render_id, claim.kind, failure, seconds, wait, claim.attempt
            )
        )
        return Ending.POSTPONED

    def release(self, claim: Claim, failure: Failure, seconds: float) -> Ending:
        """Give the prompt back unharmed."""
        if not self._repository.release(claim, failure, seconds):
            return self._superseded(claim, seconds)
        self._prompt_renderer.clear_away(claim, keep_placed=False)
        self._events.notice(
            PromptReleased(claim.prompt_id, claim.render_id, claim.kind, failure, seconds)
        )
        return Ending.RELEASED

    def _fail(self, claim: Claim, failure: Failure, seconds: float) -> Ending:
        if not self._repository.fail(claim, failure, seconds):
            return self._superseded(claim, seconds)
        self._prompt_renderer.clear_away(claim, keep_placed=False)
        self._events.notice(
            PromptFailed(claim.prompt_id, claim.render_id, claim.kind, failure, seconds)
        )
        return Ending.FAILED

    def _superseded(self, claim: Claim, seconds: float) -> Ending:
        # Who took over may have published what was placed: only recovery may clear that away.
        reason = self._repository.explain_loss(claim)
        self._events.notice(
            RenderSuperseded(claim.prompt_id, claim.render_id, claim.kind, reason, seconds)
        )
        return Ending.SUPERSEDED


def _counted(failure: Failure, attempts: int) -> Failure:
    if attempts == 1:
        return failure
    return replace(failure, message=f"{failure.message} (tried {attempts} times)")
