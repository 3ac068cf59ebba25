"""A description of the machine, without its name or paths."""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import psutil


def description(folder: Path) -> str:
    """One line: cores, system, file system, versions, load and day."""
    day = datetime.now(UTC).date().isoformat()
    parts = [
        f"{cores()} cores",
        platform.system(),
        file_system(folder),
        f"{platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
    ]
    with contextlib.suppress(OSError):
        parts.append(f"load {os.getloadavg()[0]:.1f} before the run")
    return f"*Measured on {', '.join(parts)}; {day}.*"


def cores() -> int:
    """Number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def file_system(folder: Path) -> str:
    """The type of the file system that holds a folder, such as "ext4"."""
    where = folder.resolve()
    holding = [
        partition
        for partition in psutil.disk_partitions(all=True)
        if where.is_relative_to(partition.mountpoint)
    ]
    if not holding:
        return "unknown file system"
    # Of several on one mount point, the last one mounted is visible.
    return max(reversed(holding), key=lambda each: len(Path(each.mountpoint).parts)).fstype


def memory_folder(room: int) -> Path | None:
    """A folder in memory with space for so many bytes, if any."""
    folder = Path("/dev/shm")  # noqa: S108 - nothing is put there under a name that can be guessed
    try:
        volume = os.statvfs(folder)
    except OSError:
        return None
    writable = os.access(folder, os.W_OK | os.X_OK)
    return folder if writable and volume.f_bavail * volume.f_frsize >= room else None
