"""The processes of this machine: this one, whether others are alive, and leftover workflows."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.processes.children import KILL_TIMEOUT
from adapters.processes.process_table import entries, entry_of, has_mark, with_descendants
from domain.lease import Liveness, ProcessIdentity, Termination, liveness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.processes.process_table import ProcessEntry
    from application.ports.system import Clock
    from domain.render import WorkflowProcess

_SYSCTL = "/usr/sbin/sysctl"
_SYSCTL_TIMEOUT = 5.0  # seconds
_MAX_EXECVE_SECONDS = 0.5  # that a process may take to turn from one program into another
_MIN_POLL, _MAX_POLL = 0.002, 0.1  # seconds


class SystemProcesses:
    """The processes of this machine, judged only as far as they can be seen from here.

    Safe to use from several threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._me: ProcessIdentity | None = None

    def me(self) -> ProcessIdentity:
        """This process; the same for as long as it runs, even if the host is renamed."""
        if self._me is None or self._me.pid != os.getpid():  # this may be a fork
            self._me = own_identity()
        return self._me

    def liveness_of(self, owner: ProcessIdentity) -> Liveness:
        """Whether a process is alive; a zombie is dead."""
        result = liveness(owner, self.me(), started_of(owner.pid))
        if result is Liveness.DEAD and owner.boot == self.me().boot and _is_hidden(owner.pid):
            return Liveness.UNKNOWN
        return result

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> Termination:
        """Kill what is left of a workflow: its group, and what left the group.

        On Linux, and elsewhere as far as environments can be read, that includes processes that
        lost their parent. Our own process group is never touched. What ran on another machine, in
        another namespace, or is hidden from us is out of sight; what ran before the machine was
        restarted has ended.
        """
        # Judged by where it ran, not by its number.
        match liveness(owner, self.me(), owner.started):
            case Liveness.UNKNOWN:
                return Termination.OUT_OF_SIGHT
            case Liveness.DEAD:
                return Termination.ENDED
            case Liveness.ALIVE:
                if not kill_leftovers(workflow, self._clock):
                    return Termination.ALIVE
                hidden = _is_hidden(workflow.group)
                return Termination.OUT_OF_SIGHT if hidden else Termination.ENDED


def own_identity() -> ProcessIdentity:
    """The identity of this process, with the name that its host has now.

    Where /proc is missing, or belongs to another namespace (``unshare --pid`` without
    ``--mount-proc``), nothing tells which processes are alive: this process gets no boot id, and
    so is out of sight for all others. A random start distinguishes it from its predecessor.
    """
    visible = sys.platform != "linux" or _proc_is_ours()
    return ProcessIdentity(
        host=os.uname().nodename,
        boot=_boot_id() if visible else "",
        namespace=_pid_namespace(),
        pid=os.getpid(),
        started=(started_of(os.getpid()) if visible else None) or os.urandom(8).hex(),
    )


def started_of(pid: int) -> str | None:
    """Start time of the running process with this id; None when there is none, or a zombie."""
    entry = entry_of(pid)
    return None if entry is None or entry.ended else entry.started


def kill_leftovers(workflow: WorkflowProcess, clock: Clock) -> bool:
    """Kill the processes of a workflow whose owner is gone.

    Returns:
        False if some are still alive after five seconds.
    """
    leftovers = _Leftovers(workflow)
    began = clock.monotonic()
    pause = _MIN_POLL
    while (living := leftovers.living()) or leftovers.undecided:
        if not living and clock.monotonic() - began > _MAX_EXECVE_SECONDS:
            return True  # an unreadable process that has shown no mark for long enough
        if clock.monotonic() - began > KILL_TIMEOUT:
            return False
        for pid in living:
            # A process that we may not kill stays alive, which is reported at the end.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        clock.sleep(pause)
        pause = min(2 * pause, _MAX_POLL)
    return True


class _Leftovers:
    """Distinguishes the processes of a workflow from all others.

    They are: all members of the group, if the group is still the one that was recorded; all
    processes with the mark; and the descendants of these. The group is the recorded one if its
    leader was started when the record says, or, with no leader left, if one member has the mark.
    A group without either is a different one that got the same number.
    """

    def __init__(self, workflow: WorkflowProcess) -> None:
        self._workflow = workflow
        self.undecided = False
        self._group_is_proven = False  # once proven it stays so: no living group's number is reused

    def living(self) -> set[int]:
        """Ids of the workflow's running processes.

        Afterwards ``undecided`` says whether there are others that cannot be judged yet.
        """
        table = {entry.pid: entry for entry in entries()}
        running = [entry for entry in table.values() if not entry.ended]
        marks = {entry.pid: has_mark(entry.pid, self._workflow) for entry in running}
        own = {pid for pid, marked in marks.items() if marked}
        self.undecided = None in marks.values()
        members = {entry.pid for entry in running if entry.group == self._workflow.group}
        if self._is_recorded_group(table, has_marked=not own.isdisjoint(members)):
            own |= members
        our_group = os.getpgrp()
        family = with_descendants(own, table)
        return {pid for pid in family if not table[pid].ended and table[pid].group != our_group}

    def _is_recorded_group(self, table: Mapping[int, ProcessEntry], *, has_marked: bool) -> bool:
        leader = table.get(self._workflow.group)
        if leader is None:
            self._group_is_proven |= has_marked
        else:
            self._group_is_proven = leader.started == self._workflow.started
        return self._group_is_proven


def _is_hidden(pid: int) -> bool:
    """Whether a process with this id exists that we may not see (proc(5): hidepid)."""
    if entry_of(pid) is not None:
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def _boot_id() -> str:
    """A random id made at each boot: random(4) on Linux, ``sysctl kern`` on macOS; or ""."""
    if sys.platform == "darwin":
        return _answer_of_sysctl("kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _answer_of_sysctl(name: str) -> str:
    import subprocess

    command = [_SYSCTL, "-n", name]
    try:
        return subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, check=True, text=True, timeout=_SYSCTL_TIMEOUT
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _proc_is_ours() -> bool:
    """Whether /proc numbers processes as this process does; pid_namespaces(7)."""
    try:
        return int(os.readlink("/proc/self")) == os.getpid()  # noqa: PTH115 - it is a number
    except (OSError, ValueError):
        return False


def _pid_namespace() -> str:
    """Name of this process' namespace of process ids: pid_namespaces(7); "" where there is none."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path, but a name
    except OSError:
        return ""
