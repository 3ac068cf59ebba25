"""What an owner that died leaves behind is found and ended; nobody else is (faults 5 and 6)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adapters.memory.clock import ManualClock
from adapters.processes import remains
from adapters.processes.mark import bears_mark
from adapters.processes.process_table import entry_of, environment_holds
from adapters.processes.remains import end_remains
from adapters.system_clock import SystemClock
from domain.render import WorkflowProcess
from tests.integration.comfyui_script.processes import lives

if TYPE_CHECKING:
    from tests.integration.processes.conftest import Lead

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is out of reach")


def kill(leader: WorkflowProcess) -> None:
    """End the leader alone, and reap it."""
    os.kill(leader.group, signal.SIGKILL)
    os.waitpid(leader.group, 0)


def test_a_child_that_left_the_group_is_ended(lead: Lead) -> None:
    """As long as its parent lives it is found as its child, even without the mark."""
    workflow, (child,) = lead("start(start_new_session=True, env={})")
    assert end_remains(workflow, SystemClock())
    assert not lives(child)


@only_linux
def test_whoever_cannot_be_told_yet_is_looked_at_again(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process between two programs shows no mark; the next look finds it."""
    workflow, (orphan,) = lead("start(start_new_session=True)")
    kill(workflow)
    answers = iter([None])  # at the first look it is just turning into another program
    monkeypatch.setattr(
        remains,
        "bears_mark",
        lambda pid, of: next(answers, True) if pid == orphan else bears_mark(pid, of),
    )
    assert end_remains(workflow, SystemClock())
    assert not lives(orphan)


@only_linux
def test_an_orphan_that_left_the_group_is_found_by_its_mark(lead: Lead) -> None:
    """Neither the group nor a parent leads to it any more."""
    workflow, (orphan,) = lead("start(start_new_session=True)")
    kill(workflow)
    assert lives(orphan)
    assert end_remains(workflow, SystemClock())
    assert not lives(orphan)


def test_a_group_that_nothing_proves_is_a_strangers(lead: Lead) -> None:
    """A daemon that forked twice looks just like that: a session without its leader."""
    workflow, (stranger,) = lead("start()", marked=False)
    kill(workflow)
    assert end_remains(workflow, SystemClock())
    assert lives(stranger)


def test_one_marked_member_proves_the_group(lead: Lead) -> None:
    """Then the one that was started with another environment belongs to it too."""
    workflow, pids = lead("start(); start(env={})")
    kill(workflow)
    assert end_remains(workflow, SystemClock())
    assert [lives(pid) for pid in pids] == [False, False]


def test_a_leader_that_waits_to_be_reaped_still_proves_the_group(lead: Lead) -> None:
    """Its number cannot have been used again."""
    workflow, (member,) = lead("start(env={})")
    os.kill(workflow.group, signal.SIGKILL)
    os.waitid(os.P_PID, workflow.group, os.WEXITED | os.WNOWAIT)
    assert end_remains(workflow, SystemClock())
    assert not lives(member)


def test_the_mark_of_another_workflow_is_no_proof(lead: Lead) -> None:
    """The same number at another time is another workflow."""
    workflow, (member,) = lead("start()")
    kill(workflow)
    earlier = WorkflowProcess(workflow.group, f"{workflow.started}0")
    assert end_remains(earlier, SystemClock())
    assert lives(member)


def test_our_own_group_is_never_touched() -> None:
    """Not even when a record says that it is a workflow's."""
    program = """
import os
from adapters.processes.mark import bears_mark
from adapters.processes.process_table import entry_of, environment_holds
from adapters.processes.remains import end_remains
from adapters.system_clock import SystemClock
from domain.render import WorkflowProcess
me = entry_of(os.getpid())
print(end_remains(WorkflowProcess(me.pid, me.started), SystemClock()))
"""
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, check=True, text=True, start_new_session=True)
    assert done.stdout == "True\n"


def test_what_cannot_be_killed_is_told(lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds of the clock, not for ever."""
    workflow, _ = lead("pass")
    monkeypatch.setattr(os, "kill", lambda *_: None)
    clock = ManualClock()
    assert not end_remains(workflow, clock)
    assert 5 < clock.monotonic() < 6
    monkeypatch.undo()
    assert entry_of(workflow.group) is not None


@only_linux
def test_who_turns_into_another_program_is_seen_and_not_forgotten() -> None:
    """For a moment it shows no environment; whoever looked then would let it live."""
    answers: set[bool | None] = set()
    deadline = time.monotonic() + 60
    while not answers >= {None, True} and time.monotonic() < deadline:
        child = os.fork()
        if child == 0:
            os.execvpe("sleep", ["sleep", "0.05"], {**os.environ, "SIGN": "1"})  # noqa: S606
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            answers.add(environment_holds(child, "SIGN", "1"))
        os.waitpid(child, 0)
    assert answers >= {None, True}
    assert environment_holds(os.getpid(), "SIGN", "1") is False
    assert environment_holds(2, "SIGN", "1") is False
