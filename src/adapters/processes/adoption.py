"""Processes that this one did not start, but was given when their parents ended.

Linux gives orphans to the nearest ancestor that asked for them, a subreaper, or else to the
first process. With that, what left a workflow's process group can be found when the workflow
has ended: it became our child. A process that was started with an environment of its own does
not bear the workflow's mark and is left alone; it cannot be told whose it is.

MacOS knows no subreapers: what leaves the group there is out of reach.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from adapters.processes.mark import bears_mark
from adapters.processes.process_table import entries, with_descendants

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from application.ports.clock import Clock
    from domain.render import WorkflowProcess

_SET_CHILD_SUBREAPER = 36  # prctl(2): PR_SET_CHILD_SUBREAPER
_PATIENCE = 5.0  # seconds; what outlives SIGKILL for so long hangs in the kernel
_FIRST_STEP, _LONGEST_STEP = 0.0005, 0.05

# The kernel's list of our children is one for the whole process, and so is this one. Whoever
# starts or reaps a child holds the lock: a status is never taken from the one who waits for it.
_lock = threading.Lock()
_own: dict[int, subprocess.Popen[bytes]] = {}
_subreapers: set[int] = set()


def become_subreaper() -> bool:
    """Adopt the orphans among our descendants from now on. False where that is not possible.

    To be called once, early, by a program that runs workflows. Children that such a program
    starts in sessions of their own must be started through ``start_child``.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        adopts = bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # no C library that can be asked
        return False
    if adopts:
        _subreapers.add(os.getpid())
    return adopts


def start_child(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a child of our own, and remember that it was not adopted.

    Raises:
        OSError: as ``start`` does.
    """
    with _lock:
        child = start()
        _own[child.pid] = child
    return child


def reap_child(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child of our own; its exit status, as ``Popen.wait`` has it."""
    status = child.wait()
    with _lock:
        if _own.get(child.pid) is child:  # the number may belong to the next one already
            del _own[child.pid]
    return status


def kill_own_groups() -> None:
    """Kill the groups of all children of our own. For a signal handler: it waits for nothing."""
    for pid in list(_own):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def reap_group(group: int) -> None:
    """Reap the adopted members of a group whose leader was reaped, as far as they ended."""
    if not _adopts():
        return
    with _lock, contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def end_adopted(workflow: WorkflowProcess, clock: Clock) -> bool:
    """Kill and reap what left the group of a workflow that has ended, as far as we adopted it.

    Other workflows that run in this process at the same time keep theirs.

    Returns:
        Whether nothing of it was left, or is left any more after five seconds at most.
    """
    if not _adopts():
        return True
    began = clock.monotonic()
    step = _FIRST_STEP
    condemned: set[int] = set()
    while _found(workflow, condemned):
        if clock.monotonic() - began > _PATIENCE:
            return False
        clock.sleep(step)
        step = min(2 * step, _LONGEST_STEP)
    return True


def _adopts() -> bool:
    pid = os.getpid()
    return pid == 1 or pid in _subreapers


def _found(workflow: WorkflowProcess, condemned: set[int]) -> bool:
    """Reap every adopted child that has ended, and kill this workflow's.

    Says whether there were any, or whether there is one that cannot be told yet.
    """
    with _lock:
        if not _has_children():
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
        marked = {pid: bears_mark(pid, workflow) for pid in living}
        its = {pid for pid in living if marked[pid] or pid in condemned}
        condemned |= with_descendants(its, table)
        for pid in condemned.intersection(table):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(its) or None in marked.values()


def _has_children() -> bool:
    """One cheap question, to which the answer is mostly no."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
