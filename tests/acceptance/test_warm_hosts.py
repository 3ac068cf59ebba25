"""Exports in warm hosts, as a user and other programs see them: nothing else changes."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import psutil

from tests.acceptance.mediagen import Installation, image, runs, until
from tests.acceptance.mid_render import kill
from tests.exports import install

if TYPE_CHECKING:
    import subprocess

WAITING = """run:import os, time
open("began", "w").close()
while not os.path.exists("go"): time.sleep(0.01)"""


def exported(place: Installation, **warm: object) -> None:
    """Choose the export for pictures."""
    install(place.folder)
    scripts = place.named("export.py")
    marking = {"metadata": False}  # or two files of the same pixels would differ
    place.configure({"media": {"scripts": scripts, "warm": warm, "marking": marking}})


def hosts(place: Installation) -> list[dict[str, Any]]:
    """The warm hosts that status shows."""
    shown: list[dict[str, Any]] = json.loads(place.shell.run("status", "--json").stdout)["hosts"]
    return shown


def drew(place: Installation) -> list[int]:
    """The processes that drew the pictures."""
    return [int(line) for line in (place.comfyui / "draws.log").read_text().split()]


def wait_for_host(place: Installation, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The host of a daemon that rendered what there was."""
    until(lambda: place.poet.execute("SELECT count(*) FROM prompt_artifacts") == [(1,)])
    until(lambda: [host["prompts"] for host in hosts(place)] == [1])
    assert process.poll() is None
    [host] = hosts(place)
    return host


def test_a_run_renders_with_one_host_what_it_would_render_without(place: Installation) -> None:
    """The same seeds and bytes; each render has its own log, and nothing is left at the end."""
    exported(place)
    for prompt in ("a lake", "run:print('this is the second')", "a sea"):
        place.poet.write(image(prompt))
    done = place.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(drew(place))) == 1
    warm = {row["metadata"]["prompt"]: row["metadata"] for n in (1, 2, 3) for row in place.rows(n)}
    logs = [place.shell.run("logs", str(n)).stdout for n in (1, 2, 3)]
    assert ["this is the second" in log for log in logs] == [False, True, False]
    assert all("Saved image to" in log for log in logs)
    place.check()
    exported(place, image="off")
    place.poet.execute("UPDATE prompts SET artifact_status = 'pending'")
    assert place.run().returncode == 0
    assert len(set(drew(place))) == 4
    for n in (1, 2, 3):
        metadata = place.rows(n)[-1]["metadata"]
        if warm[metadata["prompt"]]["seed"] == metadata["seed"]:
            assert metadata["sha256"] == warm[metadata["prompt"]]["sha256"]
    place.check()


def test_a_daemons_hosts_are_shown_and_end_with_it(place: Installation) -> None:
    """In status and doctor; however the daemon ends."""
    exported(place)
    place.poet.write(image("a lake"))
    with place.started("daemon") as process:
        host = wait_for_host(place, process)
        assert host["worker"].endswith(f":{process.pid}")
        assert host["scripts"] == ["export.py"]
        assert host["memory_bytes"] > 1_000_000
        assert "1 prompts" in place.shell.run("status").stdout
        assert f"process {host['pid']} for export.py: 1 prompt " in place.shell.run("doctor").stdout
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert not runs(host["pid"])
    assert hosts(place) == []
    place.poet.write(image("a sea"))
    with place.started("daemon") as process:
        until(lambda: place.statuses()[2] == "ready" and hosts(place))
        [host] = hosts(place)
        kill(process)
        until(lambda: not runs(host["pid"]))
    place.check()


def test_a_host_that_does_not_notice_is_ended_by_whoever_takes_over(place: Installation) -> None:
    """In the middle of a render, as recorded with it; or idle, as recorded in the state folder."""
    exported(place)
    place.poet.write(image(WAITING))
    with place.started("run") as process:
        place.begun(process)
        [host] = hosts(place)
        psutil.Process(host["pid"]).suspend()  # it cannot notice that the run is gone
        kill(process)
    assert runs(host["pid"])
    place.go()
    assert place.run().returncode == 0
    assert not runs(host["pid"])
    assert host["pid"] not in drew(place)
    place.check()
    with place.started("daemon") as process:
        place.poet.write(image("a sea"))
        until(lambda: place.statuses()[2] == "ready" and hosts(place))
        [host] = hosts(place)
        psutil.Process(host["pid"]).suspend()
        kill(process)
    assert runs(host["pid"])
    place.poet.write(image("a hill"))
    assert place.run().returncode == 0
    assert not runs(host["pid"])
    place.check()


def test_a_cancelled_prompt_ends_its_host_and_the_next_one_gets_another(
    place: Installation,
) -> None:
    """As with a script of its own."""
    exported(place)
    place.poet.write(image(WAITING))
    place.poet.write(image("a sea"))
    with place.started("run") as process:
        place.begun(process)
        [host] = hosts(place)
        assert place.shell.run("cancel", "1").returncode == 0
        process.communicate(timeout=90)
    assert place.statuses() == {1: "error", 2: "ready"}
    assert host["pid"] not in drew(place)
    place.check()
