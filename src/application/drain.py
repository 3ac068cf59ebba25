"""Renders prompts one after the other until none is left or the queue stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING

from application.signals import StopRequest
from application.slot import NOT_BEGUN
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.admission import Admission
    from application.leases import HeldLease
    from application.ports.database import Pause
    from application.ports.events import RenderEnded
    from application.ports.prompt_repository import PromptRepository, Selection
    from application.ports.system import Clock
    from application.recovery import Recovery
    from application.slot import RenderSlot
    from application.turns import Turn
    from domain.failure import Failure
    from domain.render import LiveRender
    from domain.workflow_rules import WorkflowKey

RECOVERY_INTERVAL = 5.0  # seconds between two checks for lost workers
_POLL_INTERVAL = 0.25  # seconds between two checks while waiting, also for a stop


@dataclass(slots=True)
class DrainReport:
    """The results of a drain.

    Attributes:
        published: number of prompts that became ready.
        failed: number of prompts that ended in error.
        postponed: number of renders that failed and whose prompts are retried later.
        released: number of renders that gave their prompt back.
        superseded: number of renders whose prompt another program changed.
        stopped_by: the failure of the environment that stopped the drain, or None.
        paused: the pause that prevented claims, or None.
        interrupted: whether a person stopped it.
        held: the failures of named workflows that could not run, while prompts of their kind are
            still pending.
        away: why some prompts wait for servers that do not answer, by workflow.
    """

    published: int = 0
    failed: int = 0
    postponed: int = 0
    released: int = 0
    superseded: int = 0
    stopped_by: Failure | None = None
    paused: Pause | None = None
    interrupted: bool = False
    held: Mapping[WorkflowKey, Failure] = field(default_factory=dict)
    away: Mapping[WorkflowKey, Failure] = field(default_factory=dict)

    @property
    def renders(self) -> int:
        """Number of renders that ended."""
        ended = self.published + self.failed + self.postponed
        return ended + self.released + self.superseded


@dataclass(slots=True)
class _Progress:
    """The arguments of one drain, and its progress; only the lane that has the turn changes it.

    Attributes:
        stop: ends the lanes: a stop was requested, or one of them failed.
        is_over: whether no lane looks for prompts any more.
        error: that ended a lane.
        lock: guards the report, which lanes without the turn change.
    """

    selection: Selection
    on_wait: Callable[[Sequence[LiveRender]], object]
    claims_left: float
    stop: StopRequest = field(default_factory=StopRequest)
    report: DrainReport = field(default_factory=DrainReport)
    wait_reported: bool = False
    recovered_at: float = -math.inf
    is_over: bool = False
    error: BaseException | None = None
    lock: Lock = field(default_factory=Lock)

    @property
    def may_claim(self) -> bool:
        """Whether another prompt may be claimed."""
        return not self.stop.made and self.claims_left > 0

    def count(self, ended: RenderEnded) -> None:
        """Count an outcome; a prompt whose render had not begun counts as not claimed."""
        with self.lock:
            match ended.outcome:
                case Outcome.RELEASED if ended.failure is NOT_BEGUN:
                    self.claims_left += 1
                case Outcome.PUBLISHED:
                    self.report.published += 1
                case Outcome.FAILED if ended.is_postponed:
                    self.report.postponed += 1
                case Outcome.FAILED:
                    self.report.failed += 1
                case Outcome.RELEASED:
                    self.report.released += 1
                case _:
                    self.report.superseded += 1


class Drain:
    """Renders pending prompts, oldest first, one at a time.

    Args:
        repository: the queue.
        slot: renders the prompts.
        admission: decides what may be claimed.
        recovery: takes over from lost workers.
        clock: the time.
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

    def run(
        self,
        selection: Selection,
        stop: StopRequest,
        limit: int | None = None,
        on_wait: Callable[[Sequence[LiveRender]], object] = lambda _: None,
    ) -> DrainReport:
        """Render until no selected prompt is pending or waits for a retry.

        Args:
            selection: the prompts to render.
            stop: ends the drain: the prompt that is being rendered is given back, and one that
                has rendered is published.
            limit: maximum number of prompts to claim; None for no limit.
            on_wait: called once when all that is left to do is to wait, for a lease at most,
                whether the workers of the given renders write another heartbeat.

        Raises:
            RepositoryError: the database cannot be used.
        """
        progress = _Progress(selection, on_wait, math.inf if limit is None else limit)
        self._admission.restore()
        linked, stop.linked = stop.linked, (*stop.linked, progress.stop)
        if stop.made:
            progress.stop.make()
        # Without a name, like the main thread: it is the same slot.
        lanes = [
            Thread(target=self._lane, args=(progress,), name="") for _ in range(1, self._slot.lanes)
        ]
        try:
            for lane in lanes:
                lane.start()
            self._lane(progress)
        finally:
            for lane in lanes:
                lane.join()
            stop.linked = linked
        if progress.error is not None:
            raise progress.error
        self._recovery.clean_up()
        report, gate = progress.report, self._admission.gate()
        report.interrupted = stop.made
        report.paused = gate.paused
        waiting = self._admission.pending_workflows(selection) if gate.held else frozenset()
        report.held = {key: why for key, why in gate.held.items() if key in waiting}
        report.away = {key: why for key, why in gate.away.items() if key[0] in selection.kinds}
        if gate.stopped:
            report.stopped_by = gate.stopped_by
        if report.stopped_by is None and not report.interrupted and report.paused is None:
            # Prompts of a kind that cannot be rendered here may still be pending.
            for kind, failure in gate.unavailable.items():
                of_kind = replace(selection, kinds=selection.kinds & {kind})
                if self._repository.count_pending(of_kind, at_most=1):
                    self._admission.stop(failure, {kind})
                    report.stopped_by = failure
                    break
        return report

    def _lane(self, progress: _Progress) -> None:
        """Render prompts until the drain is over; an error ends all lanes."""
        try:
            while not progress.is_over:
                leases = self._next(progress, self._slot.turns.take())
                while leases:
                    leases = self._slot.process(
                        leases,
                        progress.stop,
                        partial(self._next_claims, progress),
                        progress.count,
                    )
                    with progress.lock:
                        progress.claims_left -= len(leases)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that drains
            progress.error = progress.error or error
            progress.is_over = True
            progress.stop.make()

    def _next(self, progress: _Progress, turn: Turn) -> tuple[HeldLease, ...]:
        """The next prompt; waits for retries and for silent workers before it gives up."""
        held = None
        try:
            while progress.may_claim and not progress.is_over:
                self._recover_when_due(progress)
                held = self._slot.acquire(progress.selection, turn)
                if held is not None:
                    progress.claims_left -= 1
                    return (held,)
                if (
                    not turn.wait_for_others(RECOVERY_INTERVAL)  # prompts may come back
                    and not (self._slot.without_place and self._waits_for_place(progress))
                    and not self._waits_for_retry(progress)
                    and not self._waits_for_silent(progress)
                ):
                    break
            progress.is_over = True
            return ()
        finally:
            if held is None:
                turn.end()

    def _next_claims(self, progress: _Progress, most: int) -> tuple[Selection, int] | None:
        """What may be claimed with a publication; nothing if recovery is to run before."""
        if not progress.may_claim or self._is_recovery_due(progress):
            return None
        return progress.selection, int(min(most, progress.claims_left))

    def _is_recovery_due(self, progress: _Progress) -> bool:
        return self._clock.monotonic() - progress.recovered_at >= RECOVERY_INTERVAL

    def _recover_when_due(self, progress: _Progress) -> None:
        if self._is_recovery_due(progress):
            now = self._clock.monotonic()
            self._recovery.run()
            progress.recovered_at = now

    def _waits_for_place(self, progress: _Progress) -> bool:
        """Whether prompts are pending for which the renderer will have a place again."""
        kinds = self._slot.without_place & progress.selection.kinds
        kinds -= self._admission.gate().refused
        if not kinds or not self._repository.count_pending(
            replace(progress.selection, kinds=kinds)
        ):
            return False
        self._recover_when_due(progress)
        self._clock.sleep(_POLL_INTERVAL)
        return True

    def _waits_for_retry(self, progress: _Progress) -> bool:
        kinds = progress.selection.kinds - self._admission.gate().refused
        due = self._repository.next_retry_at(replace(progress.selection, kinds=kinds))
        if due is None:
            return False
        self._recover_when_due(progress)
        left = (due - self._clock.now()).total_seconds()
        self._clock.sleep(min(max(left, 0.0), _POLL_INTERVAL))
        return True

    def _waits_for_silent(self, progress: _Progress) -> bool:
        """Whether a worker that seems lost must be watched before its prompt can be taken over.

        Takes a lease at most, and much less if the worker writes a heartbeat.
        """
        selection = progress.selection
        if selection.only is not None:  # named prompts that are not pending are skipped
            return False
        kinds = selection.kinds - self._admission.gate().refused
        silent = [render for render in self._recovery.silent_renders() if render.kind in kinds]
        if not silent:
            return False
        if not progress.wait_reported:
            progress.wait_reported = True
            progress.on_wait(silent)
        self._recover_when_due(progress)
        self._clock.sleep(_POLL_INTERVAL)
        return True
