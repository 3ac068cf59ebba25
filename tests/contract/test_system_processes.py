"""Contract tests of the processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.processes import process_table
from adapters.processes.system_processes import SystemProcesses, started_of
from adapters.system_clock import SystemClock
from domain.lease import ProcessIdentity
from domain.render import WorkflowProcess
from tests.contract.processes_contract import Machine, ProcessesContract

if TYPE_CHECKING:
    from collections.abc import Iterator

# Waits for a line of input, as a renderer's child does, and carries the mark from then on.
LEADER = """
import os, subprocess, sys
os.environ["MEDIAGEN_RENDER"] = sys.stdin.readline().strip()
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def started(pid: int) -> str:
    """When a process started, by a different method from the adapter's if there is one."""
    if not process_table.IN_FILES:
        return started_of(pid) or ""
    return subprocess.run(  # noqa: S603 - a number is all that is put in
        ["/bin/sh", "-c", f"sed 's/.*) //' /proc/{pid}/stat | cut -d ' ' -f 20"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()


class SystemMachine(Machine):
    def __init__(self, me: ProcessIdentity) -> None:
        self._me = me
        self._started: dict[int, subprocess.Popen[str]] = {}
        self._members: dict[int, int] = {}

    def _start(self, *command: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(  # noqa: S603 - commands of our own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started[child.pid] = child
        return child

    def start(self) -> ProcessIdentity:
        pid = self._start("sleep", "600").pid
        me = self._me
        return ProcessIdentity(socket.gethostname(), me.boot, me.namespace, pid, started(pid))

    def end(self, owner: ProcessIdentity) -> None:
        os.kill(owner.pid, signal.SIGKILL)
        self._started[owner.pid].wait()

    def start_workflow(self) -> WorkflowProcess:
        leader = self._start(sys.executable, "-c", LEADER)
        workflow = WorkflowProcess(leader.pid, started(leader.pid))
        assert leader.stdin is not None
        assert leader.stdout is not None
        leader.stdin.write(f"{workflow.group}-{workflow.started}\n")
        leader.stdin.flush()
        self._members[leader.pid] = int(leader.stdout.readline())
        return workflow

    def end_leader(self, workflow: WorkflowProcess) -> None:
        os.kill(workflow.group, signal.SIGKILL)
        self._started[workflow.group].wait()

    def runs(self, workflow: WorkflowProcess) -> bool:
        return any(lives(pid) for pid in (workflow.group, self._members[workflow.group]))

    def clear(self) -> None:
        for child in self._started.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()


def lives(pid: int) -> bool:
    """Whether a process is running; a zombie is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestSystemProcesses(ProcessesContract):
    @pytest.fixture
    def processes(self) -> SystemProcesses:
        return SystemProcesses(SystemClock())

    @pytest.fixture
    def machine(self, processes: SystemProcesses) -> Iterator[SystemMachine]:
        machine = SystemMachine(processes.me())
        yield machine
        machine.clear()


class TestWithoutProcessFiles(TestSystemProcesses):
    """The method for systems without /proc, which Linux has but does not use."""

    @pytest.fixture(autouse=True)
    def _ask_psutil(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process_table, "IN_FILES", False)
