"""How patient the renderer is with a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Times are in seconds.

    Attributes:
        seconds: for a job, from the start of its execution; also for a queue that does not move.
        stall_seconds: without a sign of life from a job that runs; 0 means no such limit.
        unreachable_seconds: that a server may not answer.
        free_memory: whether a server that ran out of memory is asked to free it, and the job
            tried once more.
        max_files: that one job may leave.
        max_bytes: of all its files together.
    """

    seconds: float = 900.0
    stall_seconds: float = 600.0
    unreachable_seconds: float = 30.0
    free_memory: bool = False
    max_files: int = 500
    max_bytes: int = 2 * 1024**3
