"""Exports without a warm host: the next process imports ComfyUI while a prompt renders."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image, is_running, wait_until
from tests.acceptance.mid_render import kill
from tests.acceptance.test_warm_hosts import WAITING, exported, host_pids, hosts

if TYPE_CHECKING:
    import subprocess

_NOTES = "open('notes', 'a').write(f'{what} {os.getpid()}\\n')"
_NODE = f"import os\nwhat = 'import'\n{_NOTES}\n"


def _spans(imports: int) -> str:
    """A prompt that records its render time, and renders until enough processes have imported."""
    lines = (
        "run:import atexit, os, time",
        "def note(what):",
        f"    {_NOTES}",
        "note('begin')",
        "atexit.register(note, 'end')",
        f"while open('notes').read().count('import') < {imports}: time.sleep(0.01)",
    )
    return "\n".join(lines)


def _held(installation: Installation, process: subprocess.Popen[str]) -> int:
    """The process that waits for its job while another renders."""
    installation.wait_until_started(process)
    wait_until(lambda: len(hosts(installation)) == 1)
    [host] = hosts(installation)
    wait_until(
        lambda: str(host["pid"]) in (installation.comfyui / "imports.log").read_text().split()
    )
    assert host["prompts"] == 0
    return int(host["pid"])


def test_one_renders_while_the_next_one_imports(installation: Installation) -> None:
    """Each prompt in its own process, and none is started without need."""
    exported(installation, image="off", ahead="on")
    (installation.comfyui / "custom_nodes").mkdir()
    (installation.comfyui / "custom_nodes" / "notes.py").write_text(_NODE)
    for number in (2, 3, 4, 4):
        installation.poet.write(image(_spans(number)))
    done = installation.run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in (installation.comfyui / "notes").read_text().splitlines()]
    assert len([pid for what, pid in lines if what == "import"]) == 4
    spans = [(what, pid) for what, pid in lines if what != "import"]
    processes = [str(pid) for pid in host_pids(installation)]
    assert spans == [(what, pid) for pid in processes for what in ("begin", "end")]
    assert len(set(processes)) == 4
    assert hosts(installation) == []
    installation.check()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stopped", "reloaded", "killed", "killed and not noticed"])
def test_it_ends_with_its_worker(installation: Installation, how: str) -> None:
    """However the worker ends, and the prompts are rendered."""
    exported(installation, image="off", ahead="on")
    for prompt in (WAITING, "a sea"):
        installation.poet.write(image(prompt))
    with installation.started("daemon") as process:
        held = _held(installation, process)
        if how == "stopped":
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
            assert process.returncode == 0
            assert not is_running(held)
        elif how == "reloaded":
            process.send_signal(signal.SIGHUP)
            installation.release()
            wait_until(lambda: installation.statuses() == {1: "ready", 2: "ready"})
            wait_until(lambda: not is_running(held))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
        elif how == "killed":
            kill(process)
            wait_until(lambda: not is_running(held))
        else:
            psutil.Process(held).suspend()
            kill(process)
    installation.release()
    assert is_running(held) == (how == "killed and not noticed")
    assert installation.run().returncode == 0
    assert not is_running(held)
    assert installation.statuses() == {1: "ready", 2: "ready"}
    assert hosts(installation) == []
    installation.check()
