"""What is left of a workflow whose owner is gone, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from adapters.processes.mark import bears_mark
from adapters.processes.process_table import entries, with_descendants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.processes.process_table import Entry
    from application.ports.clock import Clock
    from domain.render import WorkflowProcess

_PATIENCE = 5.0  # seconds; what outlives SIGKILL for so long hangs in the kernel
_UNSURE = 0.5  # seconds that somebody may take to turn from one program into another
_FIRST_STEP, _LONGEST_STEP = 0.002, 0.1


def end_remains(workflow: WorkflowProcess, clock: Clock) -> bool:
    """Kill what still runs of a workflow; False when some of it lives five seconds later."""
    remains = _Remains(workflow)
    began = clock.monotonic()
    step = _FIRST_STEP
    while (living := remains.living()) or remains.unsure:
        if not living and clock.monotonic() - began > _UNSURE:
            return True  # whatever it is, it has shown no mark for long enough
        if clock.monotonic() - began > _PATIENCE:
            return False
        for pid in living:
            # Not ours to kill: it is found alive again and again, and told as such.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        clock.sleep(step)
        step = min(2 * step, _LONGEST_STEP)
    return True


class _Remains:
    """Tells a workflow's processes from strangers.

    Its own are: everybody in the group, if the group is still the one that was recorded;
    whoever bears the mark; and the descendants of these. The group is the recorded one if its
    leader was started when the record says, or, with no leader left, if one member bears the
    mark. A group without either belongs to a stranger who got the number.
    """

    def __init__(self, workflow: WorkflowProcess) -> None:
        self._workflow = workflow
        self.unsure = False
        self._group_is_proven = False  # once proven it stays so: no living group's number is reused

    def living(self) -> set[int]:
        """Who of it runs; ``unsure`` says afterwards whether others could not be told yet."""
        table = {entry.pid: entry for entry in entries()}
        running = [entry for entry in table.values() if not entry.ended]
        marked = {entry.pid: bears_mark(entry.pid, self._workflow) for entry in running}
        own = {pid for pid, bears in marked.items() if bears}
        self.unsure = None in marked.values()
        members = {entry.pid for entry in running if entry.group == self._workflow.group}
        if self._is_its_group(table, has_marked=not own.isdisjoint(members)):
            own |= members
        ours = os.getpgrp()
        everybody = with_descendants(own, table)
        return {pid for pid in everybody if not table[pid].ended and table[pid].group != ours}

    def _is_its_group(self, table: Mapping[int, Entry], *, has_marked: bool) -> bool:
        leader = table.get(self._workflow.group)
        if leader is None:
            self._group_is_proven |= has_marked
        else:
            self._group_is_proven = leader.started == self._workflow.started
        return self._group_is_proven
