"""Exports in warm hosts, as a user and other programs see them."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image, is_running, wait_until
from tests.acceptance.mid_render import kill
from tests.exports import install

if TYPE_CHECKING:
    import subprocess

WAITING = """run:import os, time
open("began", "w").close()
while not os.path.exists("go"): time.sleep(0.01)"""


def exported(installation: Installation, **warm: object) -> None:
    """Choose the export for pictures."""
    install(installation.folder)
    scripts = installation.script_paths("export.py")
    marking = {"metadata": False}  # or two files of the same pixels would differ
    installation.configure({"media": {"scripts": scripts, "warm": warm, "marking": marking}})


def hosts(installation: Installation) -> list[dict[str, Any]]:
    """The warm hosts in the output of ``status``."""
    shown: list[dict[str, Any]] = json.loads(installation.shell.run("status", "--json").stdout)[
        "hosts"
    ]
    return shown


def host_pids(installation: Installation) -> list[int]:
    """The processes that rendered the pictures."""
    return [int(line) for line in (installation.comfyui / "draws.log").read_text().split()]


def wait_for_host(installation: Installation, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the host of a daemon whose queue is empty."""
    wait_until(lambda: installation.poet.execute("SELECT count(*) FROM prompt_artifacts") == [(1,)])
    wait_until(lambda: [host["prompts"] for host in hosts(installation)] == [1])
    assert process.poll() is None
    [host] = hosts(installation)
    return host


def test_a_warm_host_renders_the_same(
    installation: Installation,
) -> None:
    """The same seeds and bytes; each render has its own log, and nothing is left at the end."""
    exported(installation)
    for prompt in ("a lake", "run:print('this is the second')", "a sea"):
        installation.poet.write(image(prompt))
    done = installation.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(host_pids(installation))) == 1
    warm = {
        row["metadata"]["prompt"]: row["metadata"]
        for n in (1, 2, 3)
        for row in installation.rows(n)
    }
    logs = [installation.shell.run("logs", str(n)).stdout for n in (1, 2, 3)]
    assert ["this is the second" in log for log in logs] == [False, True, False]
    assert all("Saved image to" in log for log in logs)
    installation.check()
    exported(installation, image="off")
    installation.poet.execute("UPDATE prompts SET artifact_status = 'pending'")
    assert installation.run().returncode == 0
    assert len(set(host_pids(installation))) == 4
    for n in (1, 2, 3):
        metadata = installation.rows(n)[-1]["metadata"]
        if warm[metadata["prompt"]]["seed"] == metadata["seed"]:
            assert metadata["sha256"] == warm[metadata["prompt"]]["sha256"]
    installation.check()


@pytest.mark.slow
def test_a_daemons_hosts_are_shown_and_end_with_it(installation: Installation) -> None:
    """In status and doctor; however the daemon ends."""
    exported(installation)
    installation.poet.write(image("a lake"))
    with installation.started("daemon") as process:
        host = wait_for_host(installation, process)
        assert host["worker"].endswith(f":{process.pid}")
        assert host["scripts"] == ["export.py"]
        assert host["memory_bytes"] > 1_000_000
        assert "1 prompts" in installation.shell.run("status").stdout
        assert (
            f"process {host['pid']} for export.py: 1 prompt "
            in installation.shell.run("doctor").stdout
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert not is_running(host["pid"])
    assert hosts(installation) == []
    installation.poet.write(image("a sea"))
    with installation.started("daemon") as process:
        wait_until(lambda: installation.statuses()[2] == "ready" and hosts(installation))
        [host] = hosts(installation)
        kill(process)
        wait_until(lambda: not is_running(host["pid"]))
    installation.check()


@pytest.mark.slow
def test_an_orphaned_host_is_ended_by_the_successor(
    installation: Installation,
) -> None:
    """During a render, by the render's record; idle, by the record in the state folder."""
    exported(installation)
    installation.poet.write(image(WAITING))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        [host] = hosts(installation)
        psutil.Process(host["pid"]).suspend()  # it cannot notice that the run is gone
        kill(process)
    assert is_running(host["pid"])
    installation.release()
    assert installation.run().returncode == 0
    assert not is_running(host["pid"])
    assert host["pid"] not in host_pids(installation)
    installation.check()
    with installation.started("daemon") as process:
        installation.poet.write(image("a sea"))
        wait_until(lambda: installation.statuses()[2] == "ready" and hosts(installation))
        [host] = hosts(installation)
        psutil.Process(host["pid"]).suspend()
        kill(process)
    assert is_running(host["pid"])
    installation.poet.write(image("a hill"))
    assert installation.run().returncode == 0
    assert not is_running(host["pid"])
    installation.check()


@pytest.mark.slow
def test_a_cancelled_prompt_ends_its_host_and_the_next_one_gets_another(
    installation: Installation,
) -> None:
    """As for a user's own script."""
    exported(installation)
    installation.poet.write(image(WAITING))
    installation.poet.write(image("a sea"))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        [host] = hosts(installation)
        assert installation.shell.run("cancel", "1").returncode == 0
        process.communicate(timeout=90)
    assert installation.statuses() == {1: "error", 2: "ready"}
    assert host["pid"] not in host_pids(installation)
    installation.check()
