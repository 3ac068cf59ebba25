"""Many prompts, one after the other, until none is left or something must stop the queue."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from application.settle import Ending

if TYPE_CHECKING:
    from application.admission import Admission
    from application.leases import HeldLease
    from application.ports.clock import Clock
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.ports.queue_controls import Pause
    from application.recover import Recovery
    from application.slot import RenderSlot
    from application.stopping import StopRequest
    from domain.failure import Failure

RECOVER_EVERY = 5.0  # seconds
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
    """What one drain is about, and how far it is."""

    selection: Selection
    limit: int | None
    stop: StopRequest
    report: DrainReport = field(default_factory=DrainReport)
    claimed: int = 0
    recovered_at: float = -math.inf

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be claimed, whatever is pending."""
        return self.stop.made or (self.limit is not None and self.claimed >= self.limit)


class Drain:
    """Takes pending prompts, oldest first, one at a time.

    Args:
        repository: the queue.
        slot: where the prompts are rendered.
        admission: what may be claimed.
        recovery: takes over from the dead.
        clock: time.
    """

    def __init__(
        self,
        repository: PromptRepository,
        slot: RenderSlot,
        admission: Admission,
        recovery: Recovery,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._slot = slot
        self._admission = admission
        self._recovery = recovery
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
        course = _Course(selection, limit, stop)
        self._admission.begin()
        held = self._next(course)
        while held is not None:
            held = self._attend(held, course) or self._next(course)
        self._recovery.clear_away()
        self._conclude(course)
        return course.report

    def _next(self, course: _Course) -> HeldLease | None:
        """The next prompt; waits for retries that are due before it gives up."""
        self._recover_when_due(course)
        while not course.ended:
            held = self._slot.take(course.selection)
            if held is not None:
                course.claimed += 1
                return held
            if self._admission.standing().refuses or not self._waits_for_retry(course):
                return None
        return None

    def _attend(self, held: HeldLease, course: _Course) -> HeldLease | None:
        self._recover_when_due(course)
        ending, after = self._slot.attend(
            held, course.stop, lambda: None if course.ended else course.selection
        )
        course.claimed += after is not None
        _count(ending, course.report)
        return after

    def _recover_when_due(self, course: _Course) -> None:
        now = self._clock.monotonic()
        if now - course.recovered_at >= RECOVER_EVERY:
            self._recovery.run()
            course.recovered_at = now

    def _waits_for_retry(self, course: _Course) -> bool:
        broken = self._admission.standing().broken
        kinds = course.selection.kinds.difference(broken)
        due = self._repository.next_retry_at(replace(course.selection, kinds=kinds))
        if due is None:
            return False
        self._recover_when_due(course)
        left = (due - self._clock.now()).total_seconds()
        self._clock.sleep(min(max(left, 0.0), _LONGEST_NAP))
        return True

    def _conclude(self, course: _Course) -> None:
        """Say why prompts were left, if any were."""
        report, standing = course.report, self._admission.standing()
        report.interrupted = course.stop.made
        report.stopped_by, report.paused = standing.stopped_by, standing.paused
        if report.stopped_by is None and not report.interrupted and report.paused is None:
            report.stopped_by = self._unserved(course)
            if report.stopped_by is not None:
                self._admission.stop(report.stopped_by)

    def _unserved(self, course: _Course) -> Failure | None:
        """Why prompts of a kind that cannot be rendered here still wait, if any do."""
        for kind, failure in self._admission.standing().broken.items():
            waiting = replace(course.selection, kinds=course.selection.kinds & {kind})
            if self._repository.count_pending(waiting):
                return failure
        return None


def _count(ending: Ending, report: DrainReport) -> None:
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
