"""Observe processes from outside."""

from __future__ import annotations

import os
import time

import psutil


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not, unless its threads still hold its files."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def zombies() -> list[int]:
    """Child processes of this process that ended and were not reaped."""
    children = psutil.Process().children()
    return [child.pid for child in children if not is_running(child.pid)]


def descriptors() -> int:
    """Number of open file descriptors."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - the folder changes while it is read


def seconds_since(began: float) -> float:
    """Seconds since a time of the monotonic clock."""
    return time.monotonic() - began
