"""Processes that leave their group end with their workflow, if the system lets us adopt them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.comfyui_script.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")

# A program of its own: a process that adopts orphans does so until it ends.
BEGINNING = """
import os, subprocess, sys, threading, time
from pathlib import Path
import psutil
from adapters.comfyui_script.process import Limits, ScriptProcess
from adapters.processes.children import become_subreaper
from adapters.system_clock import SystemClock
from tests.integration.comfyui_script.processes import is_running, zombies
here = Path.cwd()
def shell(script):
    return ScriptProcess(("/bin/sh", "-c", script), here, Limits(60), SystemClock()).run()
def number(name):
    while not (here / name).exists() or not (here / name).read_text().strip():
        time.sleep(0.005)
    return int((here / name).read_text())
def escaping(name, *before):
    # Leaves the group, tells its number, and stays; its parent does not wait for it.
    inner = f"echo \\$\\$ > {name}; exec sleep 600"
    escape = " ".join((*before, "setsid", "/bin/sh", "-c", f'"{inner}"'))
    return f"({escape} &); until [ -s {name} ]; do sleep 0.01; done; "
assert become_subreaper()
"""


def program(text: str, folder: Path) -> list[str]:
    """Run a program as a process of its own; returns the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + text],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_an_orphan_in_its_own_session_ends_with_the_workflow(tmp_path: Path) -> None:
    """And so do its children, and nothing is left to be reaped."""
    text = """
inner = "env -i sleep 600 & echo \\\\$! > inner; echo \\\\$\\\\$ > outer; wait"
ending = shell(f'setsid sh -c "{inner}" & '
               'until [ -s outer ]; do sleep 0.01; done')
print(ending.status, is_running(number("outer")), is_running(number("inner")), zombies())
"""
    assert program(text, tmp_path) == ["0", "False", "False", "[]"]


def test_other_workflows_keep_their_processes(tmp_path: Path) -> None:
    """Several run in one process; one ends without ending another's processes."""
    text = """
waiting = escaping("slow") + "until [ -e go ]; do sleep 0.01; done"
slow = threading.Thread(target=shell, args=(waiting,))
slow.start()
theirs = number("slow")
shell(escaping("quick"))
print(is_running(number("quick")), is_running(theirs))
(here / "go").touch()
slow.join()
print(is_running(theirs), zombies())
"""
    assert program(text, tmp_path) == ["False", "True", "False", "[]"]


def test_orphans_that_exit_are_reaped(tmp_path: Path) -> None:
    """Inside and outside the group: the list of zombies does not grow."""
    text = """
for _ in range(20):
    shell("(setsid sleep 0.01 &); (sleep 0.01 &); sleep 0.05")
print(zombies())
"""
    assert program(text, tmp_path) == ["[]"]


def test_adopted_members_of_the_group_cost_no_time(tmp_path: Path) -> None:
    """Dead ones are reaped at the first look, without waiting for zombies."""
    text = """
from adapters.processes.children import await_group_end, start_child
class Counted(SystemClock):
    sleeps = 0
    def sleep(self, seconds): self.sleeps += 1
leader = start_child(lambda: subprocess.Popen(
    ["/bin/sh", "-c", "sleep 600 & kill -KILL $$"], start_new_session=True))
leader.wait()
os.killpg(leader.pid, 9)
while not zombies():
    time.sleep(0.005)
clock = Counted()
print(await_group_end(leader.pid, clock), clock.sleeps, zombies())
"""
    assert program(text, tmp_path) == ["True", "1", "[]"]


def test_children_of_other_code_keep_their_exit_code(tmp_path: Path) -> None:
    """Other code that waits for its child gets its exit code, even while orphans are reaped."""
    text = """
codes = []
def others():
    for _ in range(60):
        codes.append(subprocess.run(["/bin/sh", "-c", "exit 7"]).returncode)
threads = [threading.Thread(target=others) for _ in range(2)]
endings = []
def ours():
    for _ in range(20):
        endings.append(shell("(setsid sleep 0.01 &); exit 3").status)
threads += [threading.Thread(target=ours) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(set(codes), set(endings))
"""
    assert program(text, tmp_path) == ["{7}", "{3}"]


def test_unmarked_processes_are_left_alone(tmp_path: Path) -> None:
    """Their owner is unknown; they may be another program's daemon."""
    text = """
shell(escaping("daemon", "env", "-i"))
print(number("daemon"), is_running(number("daemon")))
"""
    pid, living = program(text, tmp_path)
    assert living == "True"
    assert is_running(int(pid))
    os.kill(int(pid), signal.SIGKILL)
