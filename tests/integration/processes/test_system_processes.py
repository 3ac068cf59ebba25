"""Processes are told apart, whichever way the system tells of them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
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

NOBODY = 2**22 + 1  # more than Linux and macOS ever count to


@pytest.fixture(params=[True, False], ids=["files", "psutil"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of asking, where there are two."""
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
def test_a_process_is_described_as_psutil_sees_it() -> None:
    """Parent, group and session, and a start that never changes."""
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
def test_a_zombie_is_seen_but_does_not_run(zombie: int) -> None:
    """Its number is taken, and that is all."""
    entry = entry_of(zombie)
    assert entry is not None
    assert entry.ended
    assert started_of(zombie) is None
    owner = replace(own_identity(), pid=zombie, started=entry.started)
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.DEAD


@pytest.mark.usefixtures("_way")
def test_environments_are_read_whole_words_only() -> None:
    """A variable that only begins like the wanted one is another one."""
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
        assert not environment_holds(NOBODY, "WANTED", "value")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are read by psutil")
def test_a_name_with_brackets_is_parsed() -> None:
    """A program may call itself what it likes; proc(5)."""
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
def test_a_process_whose_first_thread_has_ended_runs() -> None:
    """It looks like a zombie, and works on."""
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
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    assert own_identity().host == "renamed"
    assert processes.me() == before


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux tells it")
def test_boot_and_namespace_are_known_here() -> None:
    """Without them, a dead owner and one on another machine look alike."""
    assert len(own_identity().boot) == 36
    assert own_identity().namespace.startswith("pid:[")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one namespace")
def test_a_process_whose_numbers_are_not_those_of_proc_is_out_of_sight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Judged by another namespace's /proc, it would be taken for dead while it lives."""
    asked = SystemProcesses(SystemClock())
    monkeypatch.setattr(os, "getpid", lambda: NOBODY)
    lost, successor = own_identity(), own_identity()
    assert lost != successor
    monkeypatch.undo()
    assert asked.liveness_of(lost) is Liveness.UNKNOWN


def test_a_number_that_is_taken_but_not_shown_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some machines hide other people's processes; one of them may be the owner."""

    def taken(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "somebody else's")

    owner = replace(own_identity(), pid=NOBODY, started="1")
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.DEAD
    monkeypatch.setattr(os, "kill", taken)
    assert SystemProcesses(SystemClock()).liveness_of(owner) is Liveness.UNKNOWN
    assert (
        SystemProcesses(SystemClock()).liveness_of(replace(owner, boot="another")) is Liveness.DEAD
    )
