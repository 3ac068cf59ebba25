"""Child processes: start them, detect their exit, and kill everything that they started.

A child that has exited but is not reaped keeps its process id, and so its process group: only as
long as that holds can the group be killed without hitting the processes of others. So an exit is
detected without reaping the child, and the group is killed before the child is reaped.

Linux gives orphans to the nearest ancestor that asked for them, a subreaper, or else to the first
process. A subreaper can therefore find what left a workflow's process group once the workflow has
ended. Processes without the workflow's mark are left alone: their origin is unknown.
MacOS has no subreapers; what leaves the group there is out of reach.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.processes.process_table import entries, has_mark, with_descendants

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from application.ports.system import Clock
    from domain.render import WorkflowProcess

KILL_TIMEOUT = 5.0
"""Seconds to wait for killed processes; what survives SIGKILL for longer hangs in the kernel."""

_SET_CHILD_SUBREAPER = 36  # prctl(2): PR_SET_CHILD_SUBREAPER
_ZOMBIE_CHECK_AFTER = 0.02  # seconds, before the members of a group are looked at one by one
_MIN_POLL, _MAX_POLL = 0.0005, 0.05  # seconds
_THREADS = Path("/proc/self/task")

# The kernel keeps one list of children for the whole process, and so do we. The lock is held while
# a child is started or reaped: an exit status is never taken from the code that waits for it.
_lock = threading.Lock()
_own: dict[int, subprocess.Popen[bytes]] = {}
_subreapers = {1}  # process ids that adopt orphans; a fork of a subreaper is none


def become_subreaper() -> bool:
    """Adopt the orphans among our descendants from now on; False where that is not possible.

    Call it once, early, in a program that runs workflows. Children that such a program starts in
    sessions of their own must be started with ``start_child``.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        adopts = bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # no usable C library
        return False
    if adopts:
        _subreapers.add(os.getpid())
    return adopts


def start_child(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a child and register it, so that it is not taken for an adopted one.

    Args:
        start: starts it, as the leader of a new session.

    Raises:
        OSError: as ``start`` does.
    """
    with _lock:
        child = start()
        _own[child.pid] = child
    return child


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every member of a process group whose leader is not reaped yet.

    A group that has ended is no error, nor one that may not be signalled: macOS reports that for
    a group whose members are all zombies.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_group(
    child: subprocess.Popen[bytes], clock: Clock, workflow: WorkflowProcess | None = None
) -> int:
    """Kill the whole process group of a child, and reap the child.

    Waits for the end of the other members, and for that of what left the group, five seconds at
    most for each.

    Args:
        child: the leader of the group, started with ``start_child``.
        clock: for the waits.
        workflow: the workflow that the child runs: what left its group is killed too, if we are a
            subreaper. None where only the group is killed.

    Returns:
        The child's exit status, as ``Popen.wait`` returns it.
    """
    signal_group(child.pid, signal.SIGKILL)
    status = child.wait()
    with _lock:
        if _own.get(child.pid) is child:  # the number may belong to the next child already
            del _own[child.pid]
    await_group_end(child.pid, clock)
    if workflow is not None and os.getpid() in _subreapers:
        _kill_escaped(workflow, clock)
    return status


def relatives_of(workflow: WorkflowProcess) -> set[int]:
    """Ids of the living processes that a running child started: its group and its descendants.

    Where we are a subreaper, those that left the group and lost their parent count too.
    """
    me, leader = os.getpid(), workflow.group
    table = {entry.pid: entry for entry in entries() if not entry.ended}
    relatives = {entry.pid for entry in table.values() if entry.group == leader}
    if me in _subreapers:
        relatives |= {
            entry.pid
            for entry in table.values()
            if entry.parent == me and entry.pid not in _own and has_mark(entry.pid, workflow)
        }
    return with_descendants({leader, *relatives}, table) - {leader}


def kill_all_groups() -> None:
    """Kill the process groups of all running children. For a signal handler: it does not wait."""
    for pid in list(_own):
        signal_group(pid, signal.SIGKILL)


def await_group_end(group: int, clock: Clock) -> bool:
    """Wait until a killed group, its leader reaped, has no living member.

    Returns:
        Whether that happened within five seconds.
    """
    began = clock.monotonic()
    pause = _MIN_POLL
    while True:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return True
        _reap_adopted_members(group)
        waited = clock.monotonic() - began
        if waited > _ZOMBIE_CHECK_AFTER and not _has_living_members(group):
            return True
        if waited > KILL_TIMEOUT:
            return False
        clock.sleep(pause)
        pause = min(2 * pause, _MAX_POLL)


def _kill_escaped(workflow: WorkflowProcess, clock: Clock) -> None:
    """Kill and reap the adopted processes that left the group of an ended workflow.

    Other workflows that run in this process at the same time keep theirs.
    """
    began = clock.monotonic()
    pause = _MIN_POLL
    killed: set[int] = set()
    while _kill_adopted(workflow, killed) and clock.monotonic() - began <= KILL_TIMEOUT:
        clock.sleep(pause)
        pause = min(2 * pause, _MAX_POLL)


def _reap_adopted_members(group: int) -> None:
    """Reap the adopted members of a group that have exited; its leader was reaped before."""
    if os.getpid() not in _subreapers:
        return
    with _lock, contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def _has_living_members(group: int) -> bool:
    """Whether a member is no zombie: in some containers zombies are never reaped."""
    if sys.platform != "linux":
        return True
    return any(entry.group == group and not entry.ended for entry in entries())


def _kill_adopted(workflow: WorkflowProcess, killed: set[int]) -> bool:
    """Reap every adopted child that has exited, and kill those of one workflow.

    Args:
        workflow: whose adopted processes are killed.
        killed: ids of the processes that were killed so far; added to.

    Returns:
        Whether there were any, or one whose environment cannot be read yet.
    """
    with _lock:
        if not _may_have_adopted():
            return False
        me, session = os.getpid(), os.getsid(0)
        table = {entry.pid: entry for entry in entries()}
        adopted = [
            entry for entry in table.values() if entry.parent == me and entry.pid not in _own
        ]
        for entry in adopted:
            # In our own session it may be the child of other code, which waits for it.
            if entry.ended and entry.session != session:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(entry.pid, os.WNOHANG)
        living = [entry.pid for entry in adopted if not entry.ended]
        marks = {pid: has_mark(pid, workflow) for pid in living}
        escaped = {pid for pid in living if marks[pid] or pid in killed}
        killed |= with_descendants(escaped, table)
        for pid in killed.intersection(table):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(escaped) or None in marks.values()


def _may_have_adopted() -> bool:
    """Whether there may be an adopted child; cheap, before the whole process table is read."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        # The kernel lists the children of each thread; it may be built without that. A list may
        # lack one if another one is reaped at that moment (proc(5)), so each is read twice.
        lists = [thread / "children" for thread in _THREADS.iterdir()]
        children = {int(pid) for file in (*lists, *lists) for pid in file.read_text().split()}
        return not _own.keys() >= children
    except ChildProcessError:
        return False
    except OSError:  # or a thread has ended meanwhile
        return True


def has_exited(pid: int) -> bool:
    """Whether a child has exited; it stays unreaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class ExitWatcher:
    """Detects that one child has exited, without reaping it.

    Attributes:
        descriptor: becomes readable when the child exits; None when the child must be polled.
        interval: seconds after which ``has_exited`` should be asked again, 0 or more.
    """

    descriptor: int | None = None
    interval: float = 60.0

    def has_exited(self, *, readable: bool) -> bool:
        """Whether the child has exited; ``readable``: whether the descriptor was found readable."""
        return readable

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class PidfdWatcher(ExitWatcher):
    """Watches through a process descriptor. Linux 5.3 and later: pidfd_open(2)."""

    def __init__(self, pid: int) -> None:
        pidfd_open = getattr(os, "pidfd_open", None)
        if pidfd_open is None:  # not Linux, or a Python built for older ones
            raise OSError(errno.ENOSYS, "there are no process descriptors here")
        self.descriptor = pidfd_open(pid)


class KqueueWatcher(ExitWatcher):
    """Watches through a kernel queue. MacOS and the BSDs: kqueue(2), EVFILT_PROC, NOTE_EXIT."""

    def __init__(self, pid: int) -> None:
        kernel: Any = select  # its types know only the system that they are checked on
        if not hasattr(kernel, "kqueue"):
            raise OSError(errno.ENOSYS, "this system has no kernel queues")
        self._queue = kernel.kqueue()
        self.descriptor = self._queue.fileno()
        self._exited_before = False
        exit_event = kernel.kevent(
            pid,
            filter=kernel.KQ_FILTER_PROC,
            flags=kernel.KQ_EV_ADD | kernel.KQ_EV_ONESHOT,
            fflags=kernel.KQ_NOTE_EXIT,
        )
        try:
            self._queue.control([exit_event], 0, 0)
        except ProcessLookupError:  # it has exited already: the queue does not see zombies
            self._exited_before = True
            self.interval = 0.0
        except BaseException:
            self._queue.close()
            raise

    def has_exited(self, *, readable: bool) -> bool:
        """Whether the child has exited; also when it did before it was watched."""
        return readable or self._exited_before

    def close(self) -> None:
        """Close the queue."""
        self._queue.close()


class PollingWatcher(ExitWatcher):
    """Watches by polling, on any other system: waitid(2) with WNOWAIT."""

    interval = 0.005

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def has_exited(self, *, readable: bool) -> bool:  # noqa: ARG002 - there is no descriptor
        """Ask the system; the child stays unreaped."""
        return has_exited(self._pid)


def watch_exit(pid: int) -> ExitWatcher:
    """Watch for the exit of a child, in the best way that this system supports.

    Raises:
        OSError: there are no descriptors left.
    """
    kinds: tuple[type[PidfdWatcher | KqueueWatcher], ...] = (PidfdWatcher, KqueueWatcher)
    for kind in kinds:
        try:
            return kind(pid)
        except OSError as error:
            # An old kernel, or a sandbox that forbids it; out of descriptors is another matter.
            if error.errno not in {errno.ENOSYS, errno.EPERM, errno.EINVAL}:
                raise
    return PollingWatcher(pid)
