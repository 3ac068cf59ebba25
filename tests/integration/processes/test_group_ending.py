"""A group counts as ended when nobody in it lives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from adapters.memory.clock import ManualClock
from adapters.processes.group_ending import await_end, signal_group
from adapters.system_clock import SystemClock


def group(script: str) -> subprocess.Popen[bytes]:
    """A process that leads a group of its own."""
    return subprocess.Popen(
        ["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE
    )


def test_a_living_member_is_waited_for_but_not_for_ever() -> None:
    """The clock decides how long."""
    clock = ManualClock()
    with group("exec sleep 60") as leader:
        assert not await_end(leader.pid, clock)
        assert 5 < clock.monotonic() < 6
        signal_group(leader.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere zombies cannot be told apart")
def test_zombies_that_nobody_reaps_are_not_waited_for() -> None:
    """As in a container whose first process reaps nobody."""
    with group("exit 0") as leader:
        assert leader.stdout is not None
        leader.stdout.read()
        began = time.monotonic()
        assert await_end(leader.pid, SystemClock())
        assert time.monotonic() - began < 2


def test_a_group_that_is_gone_may_be_signalled_in_vain() -> None:
    """Nothing is raised, and there is nothing to wait for."""
    with group("exit 0") as leader:
        leader.wait()
    signal_group(leader.pid, signal.SIGTERM)
    assert await_end(leader.pid, ManualClock())
