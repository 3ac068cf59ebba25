"""Fixtures: process groups to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adapters.processes.process_table import entry_of
from domain.render import WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lead = Callable[..., tuple[WorkflowProcess, list[int]]]

# Marks itself, runs the given code, and prints the ids of the processes that it started.
_LEADER = """
import os, subprocess, sys, time
mark = sys.stdin.readline().strip()
if mark:
    os.environ["MEDIAGEN_RENDER"] = mark
def start(seconds=600, **how):
    child = subprocess.Popen(["sleep", str(seconds)], stdout=subprocess.DEVNULL, **how)
    print(child.pid, flush=True)
    return child
exec(sys.argv[1])
print("done", flush=True)
time.sleep(600)
"""


@pytest.fixture
def lead() -> Iterator[Lead]:
    """Start a leader that runs this program; returns it, and the ids of its children."""
    leaders: list[subprocess.Popen[str]] = []
    seen: list[int] = []

    def started(program: str, *, marked: bool = True) -> tuple[WorkflowProcess, list[int]]:
        leader = subprocess.Popen(
            [sys.executable, "-c", _LEADER, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        leaders.append(leader)
        entry = entry_of(leader.pid)
        assert entry is not None
        workflow = WorkflowProcess(leader.pid, entry.started)
        assert leader.stdin is not None
        assert leader.stdout is not None
        leader.stdin.write(f"{leader.pid}-{entry.started}\n" if marked else "\n")
        leader.stdin.flush()
        pids = [int(line) for line in iter(leader.stdout.readline, "done\n") if line]
        seen.extend(pids)
        return workflow, pids

    yield started
    for leader in leaders:
        leader.kill()
        leader.communicate()
    for pid in seen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
