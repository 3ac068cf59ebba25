"""Many prompts, one after the other, until none is left or something must stop the queue."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from application.ports.events import (
    PromptFailed,
    PromptPublished,
    PromptReleased,
    RenderStarted,
    RenderSuperseded,
)
from domain.breaker import CircuitBreaker, Verdict
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from application.ports.artifact_store import ArtifactStore
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.render_prompt import PromptRenderer, Rendition
    from application.stopping import StopRequest
    from domain.kind import Kind
    from domain.render import Claim


_UNEXPECTED = Failure(FailureCode.INTERRUPTED, "the program ended unexpectedly")


@dataclass(slots=True)
class DrainReport:
    """What a drain did.

    Attributes:
        published: prompts that became ready.
        failed: prompts that ended in error.
        released: renders that gave their prompt back.
        superseded: renders over which somebody else changed the prompt.
        stopped_by: the failure of the environment that stopped the drain, or None.
        interrupted: whether a person stopped it.
    """

    published: int = 0
    failed: int = 0
    released: int = 0
    superseded: int = 0
    stopped_by: Failure | None = None
    interrupted: bool = False

    @property
    def renders(self) -> int:
        """How many renders were closed."""
        return self.published + self.failed + self.released + self.superseded


@dataclass(slots=True)
class _Course:
    """What one drain has learnt so far."""

    selection: Selection
    limit: int | None
    stop: StopRequest
    report: DrainReport = field(default_factory=DrainReport)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    claimed: int = 0
    following: Claim | None = None
    broken: dict[Kind, Failure] = field(default_factory=dict)


class Drain:
    """Takes pending prompts, oldest first, one at a time."""

    def __init__(
        self,
        repository: PromptRepository,
        prompt_renderer: PromptRenderer,
        renderer: MediaRenderer,
        store: ArtifactStore,
        clock: Clock,
        events: EventListener,
    ) -> None:
        self._repository = repository
        self._prompt_renderer = prompt_renderer
        self._renderer = renderer
        self._store = store
        self._clock = clock
        self._events = events

    def run(self, selection: Selection, stop: StopRequest, limit: int | None = None) -> DrainReport:
        """Render until nothing that was selected is pending.

        Args:
            selection: which prompts to take.
            stop: ends the drain; the prompt that is being rendered is given back.
            limit: claim at most so many prompts.

        Raises:
            RepositoryError: the database cannot be used.
        """
        course = _Course(selection, limit, stop)
        try:
            while claim := course.following or self._claim(course):
                course.following = None
                self._attend(claim, course)
        finally:
            if course.following is not None:
                self._release(course.following, _UNEXPECTED, 0.0, course)
        report = course.report
        if report.stopped_by is None and not report.interrupted:
            report.stopped_by = self._unserved(course)
        return report

    def _claim(self, course: _Course) -> Claim | None:
        wanted = self._wanted(course)
        if wanted is None:
            return None
        claim = self._repository.claim_next(wanted)
        if claim is None and course.breaker.suspects:
            # Only prompts that failed with the environment are left: they are the probe.
            again = replace(wanted, excluding=course.selection.excluding)
            claim = self._repository.claim_next(again)
        course.claimed += claim is not None
        return claim

    def _wanted(self, course: _Course) -> Selection | None:
        """What may be claimed now, or None when nothing may."""
        report = course.report
        if course.stop.made:
            report.interrupted = True
        elif report.stopped_by is None:
            report.stopped_by = self._store.preflight()
        reached = course.limit is not None and course.claimed >= course.limit
        if report.interrupted or report.stopped_by or reached:
            return None
        kinds = self._kinds_that_can_be_rendered(course)
        excluding = course.selection.excluding | course.breaker.suspects
        return replace(course.selection, kinds=kinds, excluding=excluding) if kinds else None

    def _kinds_that_can_be_rendered(self, course: _Course) -> frozenset[Kind]:
        for kind in course.selection.kinds.difference(course.broken):
            if failure := self._renderer.preflight(kind):
                course.broken[kind] = failure
        return course.selection.kinds.difference(course.broken)

    def _attend(self, claim: Claim, course: _Course) -> None:
        began = self._clock.monotonic()
        self._events.notice(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))
        try:
            rendered = self._prompt_renderer.render(claim, course.stop)
        except BaseException:
            # A mistake in the program, or the end of it: the prompt must not pay for it.
            self._release(claim, _UNEXPECTED, self._clock.monotonic() - began, course)
            raise
        seconds = self._clock.monotonic() - began
        if is_successful(rendered):
            self._publish(claim, rendered.unwrap(), seconds, course)
        else:
            self._settle(claim, rendered.failure(), seconds, course)

    def _publish(
        self, claim: Claim, renditions: tuple[Rendition, ...], seconds: float, course: _Course
    ) -> None:
        artifacts = [artifact for rendition in renditions for artifact in rendition.artifacts]
        wanted = self._wanted(course)
        if wanted is None:
            published = self._repository.publish(claim, artifacts, seconds)
        else:
            published, course.following = self._repository.publish_and_claim(
                claim, artifacts, seconds, wanted
            )
            course.claimed += course.following is not None
        if not published:
            self._prompt_renderer.withdraw(renditions)
            self._superseded(claim, seconds, course)
            return
        course.breaker.succeeded()
        course.report.published += 1
        paths = tuple(artifact.file_path for artifact in artifacts)
        self._events.notice(
            PromptPublished(claim.prompt_id, claim.render_id, claim.kind, paths, seconds)
        )

    def _settle(self, claim: Claim, failure: Failure, seconds: float, course: _Course) -> None:
        if failure.code is FailureCode.INTERRUPTED:
            course.report.interrupted = True
            self._release(claim, failure, seconds, course)
            return
        verdict = course.breaker.judge(claim.prompt_id, failure)
        if verdict is Verdict.CHARGE:
            self._fail(claim, failure, seconds, course)
            return
        if verdict is Verdict.STOP:
            course.report.stopped_by = failure
        self._release(claim, failure, seconds, course)

    def _fail(self, claim: Claim, failure: Failure, seconds: float, course: _Course) -> None:
        if not self._repository.fail(claim, failure, seconds):
            self._superseded(claim, seconds, course)
            return
        course.report.failed += 1
        self._events.notice(
            PromptFailed(claim.prompt_id, claim.render_id, claim.kind, failure, seconds)
        )

    def _release(self, claim: Claim, failure: Failure, seconds: float, course: _Course) -> None:
        if not self._repository.release(claim, failure, seconds):
            self._superseded(claim, seconds, course)
            return
        course.report.released += 1
        self._events.notice(
            PromptReleased(claim.prompt_id, claim.render_id, claim.kind, failure, seconds)
        )

    def _superseded(self, claim: Claim, seconds: float, course: _Course) -> None:
        course.report.superseded += 1
        self._events.notice(RenderSuperseded(claim.prompt_id, claim.render_id, claim.kind, seconds))

    def _unserved(self, course: _Course) -> Failure | None:
        """Why prompts of a kind that cannot be rendered here still wait, if any do."""
        for kind, failure in course.broken.items():
            waiting = replace(course.selection, kinds=frozenset({kind}))
            if self._repository.count_pending(waiting):
                return failure
        return None
