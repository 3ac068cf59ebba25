"""The leftover processes of a dead owner are detected and killed, and no others are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from adapters.processes import system_processes
from adapters.processes.process_table import entry_of, environment_holds, has_mark
from adapters.processes.system_processes import kill_leftovers
from adapters.system_clock import SystemClock
from domain.render import WorkflowProcess
from tests.fakes.system import ManualClock
from tests.integration.comfyui_script.processes import is_running

if TYPE_CHECKING:
    from tests.integration.processes.conftest import Lead

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is out of reach")


def kill(leader: WorkflowProcess) -> None:
    """Kill only the leader, and reap it."""
    os.kill(leader.group, signal.SIGKILL)
    os.waitpid(leader.group, 0)


def test_a_child_that_left_the_group_is_killed(lead: Lead) -> None:
    """While its parent is alive, it is recognized as its child, even without the mark."""
    workflow, (child,) = lead("start(start_new_session=True, env={})")
    assert kill_leftovers(workflow, SystemClock())
    assert not is_running(child)


@only_linux
def test_an_undecided_process_is_examined_again(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process inside execve shows no mark; the next look recognizes it."""
    workflow, (orphan,) = lead("start(start_new_session=True)")
    kill(workflow)
    answers = iter([None])  # at the first look it is inside execve
    monkeypatch.setattr(
        system_processes,
        "has_mark",
        lambda pid, of: next(answers, True) if pid == orphan else has_mark(pid, of),
    )
    assert kill_leftovers(workflow, SystemClock())
    assert not is_running(orphan)


@only_linux
def test_an_orphan_outside_the_group_is_recognized_by_its_mark(lead: Lead) -> None:
    """Neither the group nor a parent leads to it."""
    workflow, (orphan,) = lead("start(start_new_session=True)")
    kill(workflow)
    assert is_running(orphan)
    assert kill_leftovers(workflow, SystemClock())
    assert not is_running(orphan)


def test_a_group_without_proof_is_left_alone(lead: Lead) -> None:
    """A daemon that forked twice looks like this: a session without its leader."""
    workflow, (unrelated,) = lead("start()", marked=False)
    kill(workflow)
    assert kill_leftovers(workflow, SystemClock())
    assert is_running(unrelated)


def test_one_marked_member_proves_the_group(lead: Lead) -> None:
    """A member that was started with another environment belongs to it too."""
    workflow, pids = lead("start(); start(env={})")
    kill(workflow)
    assert kill_leftovers(workflow, SystemClock())
    assert [is_running(pid) for pid in pids] == [False, False]


def test_an_unreaped_leader_still_proves_the_group(lead: Lead) -> None:
    """Its process id cannot have been reused."""
    workflow, (member,) = lead("start(env={})")
    os.kill(workflow.group, signal.SIGKILL)
    os.waitid(os.P_PID, workflow.group, os.WEXITED | os.WNOWAIT)
    assert kill_leftovers(workflow, SystemClock())
    assert not is_running(member)


def test_the_mark_of_another_workflow_is_no_proof(lead: Lead) -> None:
    """The same process id with another start is another workflow."""
    workflow, (member,) = lead("start()")
    kill(workflow)
    earlier = WorkflowProcess(workflow.group, f"{workflow.started}0")
    assert kill_leftovers(earlier, SystemClock())
    assert is_running(member)


def test_our_own_group_is_never_killed() -> None:
    """Not even if a record names it as a workflow."""
    program = """
import os
from adapters.processes.process_table import entry_of
from adapters.processes.system_processes import kill_leftovers
from adapters.system_clock import SystemClock
from domain.render import WorkflowProcess
me = entry_of(os.getpid())
print(kill_leftovers(WorkflowProcess(me.pid, me.started), SystemClock()))
"""
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, check=True, text=True, start_new_session=True)
    assert done.stdout == "True\n"


def test_a_process_that_cannot_be_killed_is_reported(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five seconds of the clock."""
    workflow, _ = lead("pass")
    monkeypatch.setattr(os, "kill", lambda *_: None)
    clock = ManualClock()
    assert not kill_leftovers(workflow, clock)
    assert 5 < clock.monotonic() < 6
    monkeypatch.undo()
    assert entry_of(workflow.group) is not None


@only_linux
def test_a_process_in_execve_is_not_missed() -> None:
    """It shows no environment for a moment, and must be examined again."""
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
