"""What the system tells about processes, read as it is now.

Linux tells it in files (proc(5)); elsewhere psutil asks the kernel, and is imported only then:
that takes longer than a whole command should need.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import psutil

IN_FILES = sys.platform.startswith("linux")
"""Whether the system tells it in files; both ways can be tried where it does."""


_LOOKS = 3  # at a process that shows a command line and no environment
_KERNEL = 2  # the number of the process that all kernel threads are children of


@dataclass(frozen=True, slots=True)
class Entry:
    """One process.

    Attributes:
        pid: its number.
        parent: the number of its parent.
        group: its process group.
        session: its session.
        started: when, in the system's own unit. Linux: ticks since the machine's start;
            elsewhere: seconds, as the kernel noted them down when the process started. Neither
            moves when somebody sets the clock.
        ended: it runs no more, but is not reaped yet.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: str
    ended: bool


def entry_of(pid: int) -> Entry | None:
    """The process with this number, or None when there is none, or none that we may see."""
    return _from_file(str(pid)) if IN_FILES else _from_kernel(pid)


def entries() -> Iterator[Entry]:
    """All processes that we may see."""
    if IN_FILES:
        names = os.listdir("/proc")  # noqa: PTH208 - only names are needed, of many
        found = (_from_file(name) for name in names if name.isdigit())
    else:
        import psutil

        found = (_from_kernel(pid) for pid in psutil.pids())
    return (entry for entry in found if entry is not None)


def with_descendants(pids: Iterable[int], table: Mapping[int, Entry]) -> set[int]:
    """These processes, their children, their children's children and so on."""
    children: dict[int, list[int]] = {}
    for entry in table.values():
        children.setdefault(entry.parent, []).append(entry.pid)
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def environment_holds(pid: int, name: str, value: str) -> bool | None:
    """Whether a process was started with this variable. False when we may not see that.

    None when it cannot be told yet: between an old program and a new one (execve(2)) Linux shows
    neither an environment nor a command line of a process.
    """
    if not IN_FILES:
        return _environment_from_kernel(pid).get(name) == value
    wanted = f"{name}={value}".encode()
    try:
        for _ in range(_LOOKS):
            if environment := _content(pid, "environ"):
                return wanted in environment.split(b"\0")
            if not _content(pid, "cmdline"):
                return None if _is_becoming(pid) else False
            # It became another program between the two looks, or has no environment at all.
    except OSError:
        pass
    return False


def _content(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - one of thousands
        return file.read()


def _is_becoming(pid: int) -> bool:
    """Whether what shows nothing is a living program; kernel threads never show anything."""
    entry = entry_of(pid)
    return entry is not None and not entry.ended and _KERNEL not in {entry.pid, entry.parent}


def _from_file(name: str) -> Entry | None:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - one of thousands
            # The name of the program stands in brackets and may hold anything; proc(5).
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    parent, group, session = (int(field) for field in fields[1:4])
    # A leader whose other threads go on looks like a zombie, but its process lives.
    ended = fields[0] in {b"Z", b"X"} and int(fields[17]) <= 1
    return Entry(int(name), parent, group, session, fields[19].decode(), ended)


def _from_kernel(pid: int) -> Entry | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return Entry(
            pid=pid,
            parent=process.ppid(),
            group=os.getpgid(pid),
            session=os.getsid(pid),
            started=f"{_noted_start(process):.6f}",
            ended=process.status() == psutil.STATUS_ZOMBIE,
        )
    except (psutil.Error, OSError):
        return None


def _noted_start(process: psutil.Process) -> float:
    """What the kernel noted down.

    Since psutil 7.1 ``create_time()`` follows the clock when somebody sets it; the value by
    which psutil itself tells processes apart does not.
    """
    noted = getattr(process, "_ident", (0, None))[1]
    return process.create_time() if noted is None else float(noted)


def _environment_from_kernel(pid: int) -> Mapping[str, str]:
    import psutil

    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}
