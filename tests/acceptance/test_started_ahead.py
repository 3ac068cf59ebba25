"""Exports without a warm host: the next process imports ComfyUI while a prompt renders."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image, runs, until
from tests.acceptance.mid_render import kill
from tests.acceptance.test_warm_hosts import WAITING, drew, exported, hosts

if TYPE_CHECKING:
    import subprocess

_NOTES = "open('notes', 'a').write(f'{what} {os.getpid()}\\n')"
_NODE = f"import os\nwhat = 'import'\n{_NOTES}\n"


def _spans(imports: int) -> str:
    """A prompt that notes when it renders, and renders until so many processes have imported."""
    lines = (
        "run:import atexit, os, time",
        "def note(what):",
        f"    {_NOTES}",
        "note('begin')",
        "atexit.register(note, 'end')",
        f"while open('notes').read().count('import') < {imports}: time.sleep(0.01)",
    )
    return "\n".join(lines)


def _held(place: Installation, process: subprocess.Popen[str]) -> int:
    """The process that waits for its job while another renders."""
    place.begun(process)
    until(lambda: len(hosts(place)) == 1)
    [host] = hosts(place)
    until(lambda: str(host["pid"]) in (place.comfyui / "imports.log").read_text().split())
    assert host["prompts"] == 0
    return int(host["pid"])


def test_one_renders_at_a_time_while_the_next_one_imports(place: Installation) -> None:
    """Each prompt in a process of its own, and none is started for nothing."""
    exported(place, image="off", ahead="on")
    (place.comfyui / "custom_nodes").mkdir()
    (place.comfyui / "custom_nodes" / "notes.py").write_text(_NODE)
    for number in (2, 3, 4, 4):
        place.poet.write(image(_spans(number)))
    done = place.run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in (place.comfyui / "notes").read_text().splitlines()]
    assert len([pid for what, pid in lines if what == "import"]) == 4
    spans = [(what, pid) for what, pid in lines if what != "import"]
    processes = [str(pid) for pid in drew(place)]
    assert spans == [(what, pid) for pid in processes for what in ("begin", "end")]
    assert len(set(processes)) == 4
    assert hosts(place) == []
    place.check()


@pytest.mark.parametrize("how", ["stopped", "reloaded", "killed", "killed and not noticed"])
def test_it_ends_with_its_worker(place: Installation, how: str) -> None:
    """However that ends, and the prompts are rendered."""
    exported(place, image="off", ahead="on")
    for prompt in (WAITING, "a sea"):
        place.poet.write(image(prompt))
    with place.started("daemon") as process:
        held = _held(place, process)
        if how == "stopped":
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
            assert process.returncode == 0
            assert not runs(held)
        elif how == "reloaded":
            process.send_signal(signal.SIGHUP)
            place.go()
            until(lambda: place.statuses() == {1: "ready", 2: "ready"})
            until(lambda: not runs(held))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
        elif how == "killed":
            kill(process)
            until(lambda: not runs(held))
        else:
            psutil.Process(held).suspend()
            kill(process)
    place.go()
    assert runs(held) == (how == "killed and not noticed")
    assert place.run().returncode == 0
    assert not runs(held)
    assert place.statuses() == {1: "ready", 2: "ready"}
    assert hosts(place) == []
    place.check()
