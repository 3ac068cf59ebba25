"""A manual clock, fixed jitter, and processes that only exist in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from domain.lease import Liveness, ProcessIdentity, Termination, liveness
from domain.render import WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

_START = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


class ManualClock:
    """Time stands still until :meth:`advance` or :meth:`sleep` is called."""

    def __init__(self, start: datetime = _START) -> None:
        self._now = start
        self._monotonic = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move both clocks, and record the seconds in ``slept``."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move both clocks."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Move only the wall clock, as a person or a time server does."""
        self._now += timedelta(seconds=seconds)


class FixedJitter:
    """Always returns the same number."""

    def __init__(self, fraction: float = 0.5) -> None:
        self._fraction = fraction

    def fraction(self) -> float:
        """The fixed number."""
        return self._fraction


_ME = ProcessIdentity(host="here", boot="boot-1", namespace="", pid=1000, started="1")
_FIRST_PID = 2000


class FakeProcesses:
    """The processes of a machine.

    Attributes:
        killed: the workflows that were killed, in order.
        unkillable: numbers of groups that cannot be killed.
    """

    def __init__(self, me: ProcessIdentity = _ME, *, unkillable: Iterable[int] = ()) -> None:
        self.killed: list[WorkflowProcess] = []
        self.unkillable = set(unkillable)
        self._me = me
        self._running = {me.pid: me.started}
        self._workflows: set[WorkflowProcess] = set()
        self._next = _FIRST_PID

    def start(self, pid: int | None = None) -> ProcessIdentity:
        """Start a process; an existing one with the same number ends."""
        number = self._next if pid is None else pid
        self._next = max(self._next, number) + 1
        self._running[number] = str(self._next)
        self._workflows = {workflow for workflow in self._workflows if workflow.group != number}
        return replace(self._me, pid=number, started=self._running[number])

    def start_workflow(self) -> WorkflowProcess:
        """Start a process with a group of its own."""
        leader = self.start()
        workflow = WorkflowProcess(leader.pid, leader.started)
        self._workflows.add(workflow)
        return workflow

    def end(self, pid: int) -> None:
        """End one process, but not the rest of its group."""
        self._running.pop(pid, None)

    def runs(self, workflow: WorkflowProcess) -> bool:
        """Whether any process of a workflow runs."""
        return workflow in self._workflows

    def me(self) -> ProcessIdentity:
        """This process."""
        return self._me

    def liveness_of(self, owner: ProcessIdentity) -> Liveness:
        """Whether a process is alive, as far as can be seen from here."""
        return liveness(owner, self._me, self._running.get(owner.pid))

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> Termination:
        """Kill a workflow, unless it ran elsewhere or another process has its number."""
        visible = liveness(owner, self._me, owner.started)
        if visible is Liveness.UNKNOWN:
            return Termination.OUT_OF_SIGHT
        if visible is Liveness.ALIVE and workflow in self._workflows:
            if workflow.group in self.unkillable:
                return Termination.ALIVE
            self._workflows.remove(workflow)
            self.end(workflow.group)
            self.killed.append(workflow)
        return Termination.ENDED
