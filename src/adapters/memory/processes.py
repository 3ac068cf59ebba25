"""Processes for tests and simulations: they live and die as they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.render import WorkflowProcess
from domain.worker import Fate, ProcessIdentity, fate

if TYPE_CHECKING:
    from collections.abc import Iterable

_ME = ProcessIdentity(host="here", boot="boot-1", namespace="", pid=1000, started="1")
_FIRST = 2000  # the number of the first process that is started


class FakeProcesses:
    """A machine with as many processes as were started.

    Attributes:
        killed: the workflows that were killed, in order.
        unkillable: groups that outlive every attempt.
    """

    def __init__(self, me: ProcessIdentity = _ME, *, unkillable: Iterable[int] = ()) -> None:
        self.killed: list[WorkflowProcess] = []
        self.unkillable = set(unkillable)
        self._me = me
        self._running = {me.pid: me.started}
        self._workflows: set[WorkflowProcess] = set()
        self._next = _FIRST

    def start(self, pid: int | None = None) -> ProcessIdentity:
        """Start a process; one that has the number already ends, and it is used again."""
        number = self._next if pid is None else pid
        self._next = max(self._next, number) + 1
        self._running[number] = str(self._next)
        self._workflows = {each for each in self._workflows if each.group != number}
        return replace(self._me, pid=number, started=self._running[number])

    def start_workflow(self) -> WorkflowProcess:
        """Start a process that leads a group of its own."""
        leader = self.start()
        workflow = WorkflowProcess(leader.pid, leader.started)
        self._workflows.add(workflow)
        return workflow

    def end(self, pid: int) -> None:
        """End one process; if it leads a group, the others in it live on."""
        self._running.pop(pid, None)

    def runs(self, workflow: WorkflowProcess) -> bool:
        """Whether anything of a workflow runs."""
        return workflow in self._workflows

    def me(self) -> ProcessIdentity:
        """The process that asks."""
        return self._me

    def fate_of(self, owner: ProcessIdentity) -> Fate:
        """What became of a process that was started here, or elsewhere."""
        return fate(owner, self._me, self._running.get(owner.pid))

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> bool:
        """Kill a workflow, unless it ran elsewhere or its number belongs to a stranger."""
        seen = fate(owner, self._me, owner.started)
        if seen is not Fate.ALIVE:
            return seen is Fate.DEAD
        if workflow in self._workflows:
            if workflow.group in self.unkillable:
                return False
            self._workflows.remove(workflow)
            self.end(workflow.group)
            self.killed.append(workflow)
        return True
