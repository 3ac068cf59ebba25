"""Processes are identified in the same way on every system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.processes import process_table
from adapters.processes.process_table import entries, entry_of, environment_holds
from adapters.processes.system_processes import SystemProcesses, own_identity, started_of
from adapters.system_clock import SystemClock
from domain.lease import Liveness

if TYPE_CHECKING:
    from collections.abc import Iterator

UNUSED_PID = 2**22 + 1  # beyond the process ids of Linux and macOS


@pytest.fixture(params=[True, False], ids=["files", "psutil"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of listing processes, if there are two."""
    if request.param and sys.platform != "linux":
        pytest.skip("there are no such files here")
    monkeypatch.setattr(process_table, "IN_FILES", request.param)


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and is not reaped."""
    child = subprocess.Popen(["/bin/sh", "-c", "exit 0"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    yield child.pid
    child.wait()


@pytest.mark.usefixtures("_way")
def test_a_process_is_described_like_in_psutil() -> None:
    """Parent, group and session, and a start time that never changes."""
    with subprocess.Popen(
        ["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE, start_new_session=True
    ) as child:
        entry = entry_of(child.pid)
        assert entry is not None
        assert (entry.parent, entry.group, entry.session) == (os.getpid(), child.pid, child.pid)
        assert not entry.ended
        assert entry == entry_of(child.pid) == {e.pid: e for e in entries()}[child.pid]
        assert float(entry.started) > 0
    assert entry_of(child.pid) is None


@pytest.mark.usefixtures("_way")
def test_a_zombie_is_listed_as_not_running(zombie: int) -> None:
    """Only its process id is still in use."""
    entry = entry_of(zombie)
    assert entry is not None
    assert entry.ended
    assert started_of(zombie) is None
    owner = replace(own_identity(), pid=zombie, started=entry.started)
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.DEAD


@pytest.mark.usefixtures("_way")
def test_variables_are_compared_by_whole_names() -> None:
    """A variable whose name only begins alike is another one."""
    environment = {"WANTED": "value", "OTHER": "WANTED=other"}
    with subprocess.Popen(
        ["/bin/sh", "-c", "echo; read line"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert environment_holds(child.pid, "WANTED", "value")
        assert not environment_holds(child.pid, "WANTED", "val")
        assert not environment_holds(child.pid, "WANTED", "other")
        assert not environment_holds(UNUSED_PID, "WANTED", "value")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are read by psutil")
def test_a_name_with_brackets_is_parsed() -> None:
    """A program may give itself any name; proc(5)."""
    program = """
import sys
open("/proc/self/comm", "w").write(") Z 1 (")
print(flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        entry = entry_of(child.pid)
        assert entry is not None
        assert (entry.parent, entry.ended) == (os.getpid(), False)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are seen there only")
def test_a_process_without_its_first_thread_runs() -> None:
    """It looks like a zombie, but its other threads run."""
    program = """
import ctypes, sys, threading
def work():
    print(flush=True)
    sys.stdin.readline()
threading.Thread(target=work).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert started_of(child.pid) is not None
        child.kill()


def test_the_identity_survives_a_new_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that changes its network keeps its own renders."""
    processes = SystemProcesses(SystemClock())
    before = processes.me()
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="renamed"))
    assert own_identity().host == "renamed"
    assert processes.me() == before


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux tells it")
def test_boot_and_namespace_are_known() -> None:
    """Without them, a dead owner and one on another machine look alike."""
    assert len(own_identity().boot) == 36
    assert own_identity().namespace.startswith("pid:[")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one namespace")
def test_a_process_of_another_pid_namespace_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By another namespace's /proc it would look dead while it lives."""
    asked = SystemProcesses(SystemClock())
    monkeypatch.setattr(os, "getpid", lambda: UNUSED_PID)
    lost, successor = own_identity(), own_identity()
    assert lost != successor
    monkeypatch.undo()
    assert asked.liveness_of(lost) is Liveness.UNKNOWN


def test_a_hidden_process_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some machines hide other users' processes; one of them may be the owner."""

    def taken(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "another user's")

    owner = replace(own_identity(), pid=UNUSED_PID, started="1")
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.DEAD
    monkeypatch.setattr(os, "kill", taken)
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.UNKNOWN
    assert (
        SystemProcesses(SystemClock()).liveness_of(replace(owner, boot="another")) is Liveness.DEAD
    )
