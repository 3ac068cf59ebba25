"""The processes that really run on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.processes.identity import own_identity, started_of
from adapters.processes.process_table import entry_of
from adapters.processes.remains import end_remains
from domain.worker import Fate, fate

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from domain.render import WorkflowProcess
    from domain.worker import ProcessIdentity


class SystemProcesses:
    """Asks the system, and judges only what can be seen from here. Safe to use from threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._me: ProcessIdentity | None = None

    def me(self) -> ProcessIdentity:
        """This process; the same for as long as it runs, whatever becomes of its host's name."""
        if self._me is None or self._me.pid != os.getpid():  # a copy of it may have been made
            self._me = own_identity()
        return self._me

    def fate_of(self, owner: ProcessIdentity) -> Fate:
        """What became of a process; a zombie is dead."""
        verdict = fate(owner, self.me(), started_of(owner.pid))
        if verdict is Fate.DEAD and owner.boot == self.me().boot and _is_hidden(owner.pid):
            return Fate.UNKNOWN
        return verdict

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> bool:
        """Kill what was left of a workflow: its group, and what left the group.

        On Linux, and elsewhere as far as the system shows environments, that includes what lost
        its parent. Our own process group is never touched.

        Returns:
            Whether it is certain that nothing of it runs any more: also when the machine was
            started anew, and when a stranger got the number. Never so from another machine or
            another namespace.
        """
        seen = fate(owner, self.me(), owner.started)
        if seen is Fate.ALIVE:  # that is: it would be, judged by its place alone
            return end_remains(workflow, self._clock)
        return seen is Fate.DEAD


def _is_hidden(pid: int) -> bool:
    """Whether a process has the number, but not one that we may look at (proc(5): hidepid)."""
    if entry_of(pid) is not None:
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True
