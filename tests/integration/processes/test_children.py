"""A process group has ended when it has no living member."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adapters.processes import process_table
from adapters.processes.children import await_group_end, relatives_of, signal_group
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from tests.integration.processes.conftest import Lead


def group(script: str) -> subprocess.Popen[bytes]:
    """A process that leads its own group."""
    return subprocess.Popen(
        ["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE
    )


def test_the_wait_for_a_living_member_is_limited() -> None:
    """By the clock."""
    clock = ManualClock()
    with group("exec sleep 60") as leader:
        assert not await_group_end(leader.pid, clock)
        assert 5 < clock.monotonic() < 6
        signal_group(leader.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere zombies cannot be recognized")
def test_unreaped_zombies_are_not_waited_for() -> None:
    """As in a container whose first process reaps no orphans."""
    with group("exit 0") as leader:
        assert leader.stdout is not None
        leader.stdout.read()
        clock = ManualClock()
        assert await_group_end(leader.pid, clock)
        assert clock.monotonic() < 1


def test_signalling_a_missing_group_raises_nothing() -> None:
    """And there is nothing to wait for."""
    with group("exit 0") as leader:
        leader.wait()
    signal_group(leader.pid, signal.SIGTERM)
    assert await_group_end(leader.pid, ManualClock())


@pytest.mark.parametrize("in_files", [True, False])
def test_descendants_are_listed_on_every_system(
    lead: Lead, *, in_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its group and outside, and their children; from /proc and without it."""
    if in_files and not process_table.IN_FILES:
        pytest.skip("no process files here")
    workflow, started = lead("start(); start(start_new_session=True)")
    monkeypatch.setattr(process_table, "IN_FILES", in_files)
    assert relatives_of(workflow) == set(started)
    assert (process_table.resident_bytes(workflow.group) or 0) > 1_000_000
    assert process_table.resident_bytes(2**22 + 1) is None
