"""Ending a process group, all of it, and being sure of it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from adapters.processes.adoption import reap_group
from adapters.processes.process_table import entries

if TYPE_CHECKING:
    import signal

    from application.ports.clock import Clock

_PATIENCE = 5.0  # seconds; what outlives SIGKILL for so long hangs in the kernel
_LOOK_CLOSER = 0.02  # seconds, before zombies are told from the living
_FIRST_STEP, _LONGEST_STEP = 0.0005, 0.05


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every member. The leader must not have been reaped yet.

    A group that has ended is no error, nor one that may not be signalled: macOS says so of a
    group whose members are all zombies.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def await_end(group: int, clock: Clock) -> bool:
    """Wait until a killed group, its leader reaped, has no living member.

    Returns:
        Whether that came true within five seconds.
    """
    began = clock.monotonic()
    step = _FIRST_STEP
    while _exists(group):
        reap_group(group)
        waited = clock.monotonic() - began
        if waited > _LOOK_CLOSER and not _has_living(group):
            return True
        if waited > _PATIENCE:
            return False
        clock.sleep(step)
        step = min(2 * step, _LONGEST_STEP)
    return True


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _has_living(group: int) -> bool:
    """Look past zombies that nobody reaps (in a container whose first process does not)."""
    if sys.platform != "linux":
        return True
    return any(entry.group == group and not entry.ended for entry in entries())
