"""The system's process table, read as it is now, and the mark that a workflow's processes carry.

Linux shows the table as files (proc(5)); elsewhere psutil asks the kernel. It is imported only
then: the import takes longer than a whole command should need.

A workflow is started with the variable ``MARK`` in its environment. Its children inherit it even
when they leave the process group or lose their parent; only a program that is started with
another environment escapes.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import psutil

    from domain.render import WorkflowProcess

IN_FILES = sys.platform.startswith("linux")
"""Whether the process table is read from files; tests try both ways where both work."""

MARK = "MEDIAGEN_RENDER"
"""Name of the environment variable that marks the processes of a workflow."""

_MAX_READS = 3  # reads of a process that has a command line but no environment
_KTHREADD = 2  # number of the process that is the parent of all kernel threads


@dataclass(frozen=True, slots=True)
class ProcessEntry:
    """One process in the process table.

    Attributes:
        pid: process id.
        parent: process id of its parent.
        group: process group id.
        session: session id.
        started: start time in the system's own unit. Linux: clock ticks since boot; elsewhere:
            seconds since the epoch as the kernel recorded them at the start. Neither changes
            when the clock is set.
        ended: whether it is a zombie: it has exited, but is not reaped yet.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: str
    ended: bool


def entry_of(pid: int) -> ProcessEntry | None:
    """The process with this id; None when there is none, or none that we may see."""
    return _from_file(str(pid)) if IN_FILES else _from_kernel(pid)


def entries() -> Iterator[ProcessEntry]:
    """All processes that this process may see."""
    if IN_FILES:
        names = os.listdir("/proc")  # noqa: PTH208 - only names are needed, of many
        candidates = (_from_file(name) for name in names if name.isdigit())
    else:
        import psutil

        candidates = (_from_kernel(pid) for pid in psutil.pids())
    return (entry for entry in candidates if entry is not None)


def resident_bytes(pid: int) -> int | None:
    """Bytes of memory that a process occupies; None when it is gone or may not be seen."""
    if IN_FILES:
        try:
            pages = int(_read_file(pid, "statm").split()[1])
        except (OSError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def with_descendants(pids: Iterable[int], table: Mapping[int, ProcessEntry]) -> set[int]:
    """The ids of these processes and of all their descendants."""
    children: dict[int, list[int]] = {}
    for entry in table.values():
        children.setdefault(entry.parent, []).append(entry.pid)
    family: set[int] = set()
    unvisited = list(pids)
    while unvisited:
        pid = unvisited.pop()
        if pid not in family:
            family.add(pid)
            unvisited.extend(children.get(pid, ()))
    return family


def mark_of(workflow: WorkflowProcess) -> str:
    """Value of ``MARK`` for a workflow; unique on one machine between two boots."""
    return f"{workflow.group}-{workflow.started}"


def has_mark(pid: int, workflow: WorkflowProcess) -> bool | None:
    """Whether a process belongs to a workflow, by its environment.

    Returns:
        False also when the environment may not be read, None when it cannot be read yet.
    """
    return environment_holds(pid, MARK, mark_of(workflow))


def environment_holds(pid: int, name: str, value: str) -> bool | None:
    """Whether a process was started with this environment variable.

    Returns:
        False also when the environment may not be read. None when it cannot be read yet: between
        an old program and a new one (execve(2)) Linux shows neither an environment nor a command
        line of a process.
    """
    if not IN_FILES:
        return _environment_from_kernel(pid).get(name) == value
    variable = f"{name}={value}".encode()
    try:
        for _ in range(_MAX_READS):
            if environment := _read_file(pid, "environ"):
                return variable in environment.split(b"\0")
            if not _read_file(pid, "cmdline"):
                return None if _is_in_execve(pid) else False
            # It became another program between the two reads, or has no environment at all.
    except OSError:
        pass
    return False


def _read_file(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - one of thousands
        return file.read()


def _is_in_execve(pid: int) -> bool:
    """Whether a process that shows nothing is between two programs; kernel threads show nothing."""
    entry = entry_of(pid)
    return entry is not None and not entry.ended and _KTHREADD not in {entry.pid, entry.parent}


def _from_file(name: str) -> ProcessEntry | None:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - one of thousands
            # The name of the program stands in brackets and may hold anything; proc(5).
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    parent, group, session = (int(field) for field in fields[1:4])
    # A leader that has ended while its other threads run looks like a zombie but is alive.
    ended = fields[0] in {b"Z", b"X"} and int(fields[17]) <= 1
    return ProcessEntry(int(name), parent, group, session, fields[19].decode(), ended)


def _from_kernel(pid: int) -> ProcessEntry | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return ProcessEntry(
            pid=pid,
            parent=process.ppid(),
            group=os.getpgid(pid),
            session=os.getsid(pid),
            started=f"{_kernel_start(process):.6f}",
            ended=process.status() == psutil.STATUS_ZOMBIE,
        )
    except (psutil.Error, OSError):
        return None


def _kernel_start(process: psutil.Process) -> float:
    """Start time of a process, in seconds, as the kernel recorded it.

    Since psutil 7.1 ``create_time()`` follows the clock when it is set; the value by
    which psutil itself tells processes apart does not.
    """
    recorded = getattr(process, "_ident", (0, None))[1]
    return process.create_time() if recorded is None else float(recorded)


def _environment_from_kernel(pid: int) -> Mapping[str, str]:
    import psutil

    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}
