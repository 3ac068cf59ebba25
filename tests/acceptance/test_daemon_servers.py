"""The daemon with several ComfyUI servers: idle servers get work, dead ones lose theirs."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import image, song, wait_until
from tests.acceptance.served import SAMPLER, Served, served
from tests.comfyui_double import Double, running_double

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def two(folder: Path) -> Iterator[tuple[Served, Double]]:
    """An installation with two servers."""
    with served(folder) as first, running_double(folder / "second") as second:
        hosts = [{"url": first.double.url, "slots": 1}, second.url]
        first.configure({"hosts": hosts, "unreachable_seconds": 1})
        yield first, second


def _works(double: Double) -> bool:
    return [job.state for job in double.jobs] == ["running"]


def _ready(server: Served, count: int) -> bool:
    return list(server.installation.statuses().values()).count("ready") == count


def test_both_servers_are_used(tmp_path: Path) -> None:
    """Each has a slot, and both work at the same time."""
    with two(tmp_path) as (server, second):
        for double in (server.double, second):
            double.behaviour.fail(SAMPLER, "hold")
        for _ in range(2):
            server.installation.poet.write(image("a lake"))
        with server.installation.started("daemon") as process:
            for double in (server.double, second):
                wait_until(partial(_works, double))
            server.double.release()
            second.release()
            wait_until(lambda: _ready(server, 2))
            process.terminate()
            assert process.wait(timeout=90) == 0
        server.installation.check()


@pytest.mark.slow
def test_prompts_of_a_dead_server_continue_elsewhere(tmp_path: Path) -> None:
    """No attempt is lost, nothing is paused, and the server is used again when it is back."""
    with two(tmp_path) as (server, second):
        server.hold(None)
        with server.installation.started("daemon") as process:
            for _ in range(4):
                server.installation.poet.write(image("a lake"))
            server.running()
            server.double.stop()
            wait_until(lambda: _ready(server, 4), 60)
            wait_until(lambda: all(job.state == "success" for job in second.jobs))
            server.double.behaviour.faults.clear()
            server.double.start()
            before = len(server.double.jobs)

            def is_back() -> bool:
                if set(server.installation.statuses().values()) == {"ready"}:
                    server.installation.poet.write(image("a sea"))
                return len(server.double.jobs) > before

            wait_until(is_back, 60)
            wait_until(lambda: set(server.installation.statuses().values()) == {"ready"}, 60)
            process.terminate()
            assert process.wait(timeout=90) == 0
        server.installation.check()
        outcomes = server.installation.poet.execute("SELECT outcome FROM media_generator_renders")
        assert {outcome for (outcome,) in outcomes} == {"published"}


def test_kinds_can_have_servers_of_their_own(tmp_path: Path) -> None:
    """One server for pictures, the other one for songs."""
    with two(tmp_path) as (server, second):
        hosts = [
            {"url": server.double.url, "kinds": ["image"]},
            {"url": second.url, "kinds": ["audio"]},
        ]
        server.configure({"hosts": hosts})
        for _ in range(2):
            server.installation.poet.write(image("a lake"))
            server.installation.poet.write(song("folk"), prompt_type="lyrics_prompt")
        with server.installation.started("daemon") as process:
            wait_until(lambda: _ready(server, 4), 60)
            process.terminate()
            assert process.wait(timeout=90) == 0
        assert len(server.double.jobs) == len(second.jobs) == 2
        saves = {
            node["class_type"]
            for job in second.jobs
            for node in job.graph.values()
            if node["class_type"].startswith("Save")
        }
        assert saves == {"SaveAudioMP3"}
        server.installation.check()
