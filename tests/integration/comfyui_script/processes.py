"""Looking at processes from outside."""

from __future__ import annotations

import os
import time

import psutil


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not, unless threads of it still hold its files."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def zombies() -> list[int]:
    """Children of ours that ended and were not reaped."""
    children = psutil.Process().children()
    return [child.pid for child in children if not lives(child.pid)]


def descriptors() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - the folder changes while it is read


def seconds_since(began: float) -> float:
    """Of the monotonic clock."""
    return time.monotonic() - began
