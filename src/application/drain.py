"""Many prompts, one after the other, until none is left or something must stop the queue."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from application.ports.queue_controls import Pause, PausedBy
from application.settle import UNEXPECTED, Ending, Settlement
from domain.breaker import CircuitBreaker, Verdict
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from application.leases import LeaseKeeper
    from application.ports.clock import Clock
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.ports.queue_controls import QueueControls
    from application.recover import Recovery
    from application.render_prompt import PromptRenderer, Rendition
    from application.stopping import StopRequest
    from domain.render import Claim

_RECOVER_EVERY = 5.0  # seconds
_LONGEST_NAP = 0.25  # seconds, while waiting for a retry: a stop is noticed within one


@dataclass(slots=True)
class DrainReport:
    """What a drain did.

    Attributes:
        published: prompts that became ready.
        failed: prompts that ended in error.
        postponed: renders that failed and whose prompt is tried again later.
        released: renders that gave their prompt back.
        superseded: renders over which somebody else changed the prompt.
        stopped_by: the failure of the environment that stopped the drain, or None.
        paused: the pause that kept it from claiming, or None.
        interrupted: whether a person stopped it.
    """

    published: int = 0
    failed: int = 0
    postponed: int = 0
    released: int = 0
    superseded: int = 0
    stopped_by: Failure | None = None
    paused: Pause | None = None
    interrupted: bool = False

    @property
    def renders(self) -> int:
        """How many renders were closed."""
        ended = self.published + self.failed + self.postponed
        return ended + self.released + self.superseded


@dataclass(slots=True)
class _Course:
    """What one drain has learnt so far."""

    selection: Selection
    limit: int | None
    stop: StopRequest
    breaker: CircuitBreaker
    report: DrainReport = field(default_factory=DrainReport)
    claimed: int = 0
    following: Claim | None = None
    recovered_at: float = -math.inf
    broken: dict[Kind, Failure] = field(default_factory=dict)


class Drain:
    """Takes pending prompts, oldest first, one at a time.

    Args:
        repository: the queue.
        prompt_renderer: the way of one prompt.
        settlement: the beginnings and ends of renders.
        recovery: takes over from the dead.
        keeper: of the leases.
        controls: pausing.
        clock: time.
    """

    def __init__(
        self,
        repository: PromptRepository,
        prompt_renderer: PromptRenderer,
        settlement: Settlement,
        recovery: Recovery,
        keeper: LeaseKeeper,
        controls: QueueControls,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._prompt_renderer = prompt_renderer
        self._settlement = settlement
        self._recovery = recovery
        self._keeper = keeper
        self._controls = controls
        self._clock = clock

    def run(self, selection: Selection, stop: StopRequest, limit: int | None = None) -> DrainReport:
        """Render until nothing that was selected is pending, nor waits for another try.

        Args:
            selection: which prompts to take.
            stop: ends the drain; the prompt that is being rendered is given back.
            limit: claim at most so many prompts.

        Raises:
            RepositoryError: the database cannot be used.
        """
        course = _Course(selection, limit, stop, self._breaker())
        try:
            while claim := course.following or self._claim(course):
                course.following = None
                self._attend(claim, course)
        finally:
            if course.following is not None:
                self._settlement.release(course.following, UNEXPECTED, 0.0)
        self._recovery.clear_away()
        report = course.report
        if report.stopped_by is None and not report.interrupted and report.paused is None:
            report.stopped_by = self._unserved(course)
        if report.stopped_by is not None:
            self._pause(report.stopped_by, course.breaker.suspects)
        return report

    def _pause(self, failure: Failure, suspects: frozenset[int]) -> None:
        """Let everybody see why nothing is rendered; the next run begins with a probe."""
        reason = f"{failure.message}. {failure.hint}"
        self._controls.pause(
            PausedBy.ENVIRONMENT, reason, failure.code.value, tuple(sorted(suspects))
        )

    def _breaker(self) -> CircuitBreaker:
        """A breaker that remembers what opened it, so that the next claim is a probe."""
        pause = self._controls.paused()
        breaker = CircuitBreaker()
        if pause is not None and pause.by is PausedBy.ENVIRONMENT:
            if self._is_mended(pause):
                self._controls.resume(PausedBy.ENVIRONMENT)
            else:
                breaker.probe(pause.suspects)
        return breaker

    def _is_mended(self, pause: Pause) -> bool:
        """Whether what paused the queue can be seen to be gone, without a probe."""
        seen = pause.code in set(FailureCode) and FailureCode(pause.code).halts
        obstacles = [self._prompt_renderer.obstacle_for(kind) for kind in Kind]
        return seen and not any([self._prompt_renderer.obstacle(), *obstacles])

    def _claim(self, course: _Course) -> Claim | None:
        """The next prompt; waits for retries that are due before it gives up."""
        self._recover_when_due(course)
        while wanted := self._wanted(course):
            claim = self._repository.claim_next(wanted)
            if claim is None and course.breaker.suspects:
                # Only prompts that failed with the environment are left: they are the probe.
                again = replace(wanted, excluding=course.selection.excluding)
                claim = self._repository.claim_next(again)
            if claim is not None:
                course.claimed += 1
                return claim
            if not self._waits_for_retry(course, wanted):
                return None
        return None

    def _recover_when_due(self, course: _Course) -> None:
        now = self._clock.monotonic()
        if now - course.recovered_at >= _RECOVER_EVERY:
            self._recovery.run()
            course.recovered_at = now

    def _waits_for_retry(self, course: _Course, wanted: Selection) -> bool:
        everything = replace(wanted, excluding=course.selection.excluding)
        due = self._repository.next_retry_at(everything)
        if due is None:
            return False
        self._recover_when_due(course)
        left = (due - self._clock.now()).total_seconds()
        self._clock.sleep(min(max(left, 0.0), _LONGEST_NAP))
        return True

    def _wanted(self, course: _Course) -> Selection | None:
        """What may be claimed now, or None when nothing may."""
        report = course.report
        if course.stop.made:
            report.interrupted = True
        elif report.stopped_by is None:
            report.stopped_by = self._prompt_renderer.obstacle()
            report.paused = self._paused_by_person()
        reached = course.limit is not None and course.claimed >= course.limit
        if report.interrupted or report.stopped_by or report.paused or reached:
            return None
        kinds = self._kinds_that_can_be_rendered(course)
        excluding = course.selection.excluding | course.breaker.suspects
        return replace(course.selection, kinds=kinds, excluding=excluding) if kinds else None

    def _paused_by_person(self) -> Pause | None:
        pause = self._controls.paused()
        return pause if pause is not None and pause.by is PausedBy.PERSON else None

    def _kinds_that_can_be_rendered(self, course: _Course) -> frozenset[Kind]:
        for kind in course.selection.kinds.difference(course.broken):
            if failure := self._prompt_renderer.obstacle_for(kind):
                course.broken[kind] = failure
        return course.selection.kinds.difference(course.broken)

    def _attend(self, claim: Claim, course: _Course) -> None:
        began = self._clock.monotonic()
        self._settlement.begin(claim)
        with self._keeper.holding(claim) as held:
            try:
                rendered = self._prompt_renderer.render(held, course.stop)
            except BaseException:
                # A mistake in the program, or the end of it: the prompt must not pay for it.
                self._settlement.release(claim, UNEXPECTED, self._clock.monotonic() - began)
                raise
            seconds = self._clock.monotonic() - began
            if is_successful(rendered):
                outcome = self._publish(claim, rendered.unwrap(), seconds, course)
            else:
                outcome = self._settle(claim, rendered.failure(), seconds, course)
        self._count(outcome, course.report)

    def _publish(
        self, claim: Claim, rendition: Rendition, seconds: float, course: _Course
    ) -> Ending:
        self._recover_when_due(course)
        wanted = self._wanted(course)
        ending, course.following = self._settlement.publish(claim, rendition, seconds, wanted)
        course.claimed += course.following is not None
        if ending is Ending.PUBLISHED:
            course.breaker.succeeded()
            if course.breaker.was_open:
                self._controls.resume(PausedBy.ENVIRONMENT)
        return ending

    def _settle(self, claim: Claim, failure: Failure, seconds: float, course: _Course) -> Ending:
        if failure.code is FailureCode.INTERRUPTED:
            # Or the lease was lost: then the release is refused, and says so.
            return self._settlement.release(claim, failure, seconds)
        verdict = course.breaker.judge(claim.prompt_id, failure)
        if verdict is Verdict.CHARGE:
            return self._settlement.charge(claim, failure, seconds)
        if verdict is Verdict.STOP:
            course.report.stopped_by = failure
        return self._settlement.release(claim, failure, seconds)

    def _count(self, ending: Ending, report: DrainReport) -> None:
        match ending:
            case Ending.PUBLISHED:
                report.published += 1
            case Ending.FAILED:
                report.failed += 1
            case Ending.POSTPONED:
                report.postponed += 1
            case Ending.RELEASED:
                report.released += 1
            case Ending.SUPERSEDED:
                report.superseded += 1

    def _unserved(self, course: _Course) -> Failure | None:
        """Why prompts of a kind that cannot be rendered here still wait, if any do."""
        for kind, failure in course.broken.items():
            waiting = replace(course.selection, kinds=frozenset({kind}))
            if self._repository.count_pending(waiting):
                return failure
        return None
