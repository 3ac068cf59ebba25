"""The daemon with several ComfyUI servers: work goes to whichever is free, and on from the dead."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tests.acceptance.mediagen import image, song, until
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
    return list(server.place.statuses().values()).count("ready") == count


def test_both_servers_are_used(tmp_path: Path) -> None:
    """One slot for each, at the same time."""
    with two(tmp_path) as (server, second):
        for double in (server.double, second):
            double.behaviour.fail(SAMPLER, "hold")
        for _ in range(2):
            server.place.poet.write(image("a lake"))
        with server.place.started("daemon") as process:
            for double in (server.double, second):
                until(partial(_works, double))
            server.double.release()
            second.release()
            until(lambda: _ready(server, 2))
            process.terminate()
            assert process.wait(timeout=90) == 0
        server.place.check()


def test_prompts_of_a_server_that_dies_go_on_elsewhere(tmp_path: Path) -> None:
    """No attempt is lost, nothing is paused, and the server is used again when it is back."""
    with two(tmp_path) as (server, second):
        server.hold(None)
        with server.place.started("daemon") as process:
            for _ in range(4):
                server.place.poet.write(image("a lake"))
            server.running()
            server.double.stop()
            until(lambda: _ready(server, 4), 60)
            until(lambda: all(job.state == "success" for job in second.jobs))
            server.double.behaviour.faults.clear()
            server.double.start()
            before = len(server.double.jobs)

            def is_back() -> bool:
                if set(server.place.statuses().values()) == {"ready"}:
                    server.place.poet.write(image("a sea"))
                return len(server.double.jobs) > before

            until(is_back, 60)
            until(lambda: set(server.place.statuses().values()) == {"ready"}, 60)
            process.terminate()
            assert process.wait(timeout=90) == 0
        server.place.check()
        outcomes = server.place.poet.execute("SELECT outcome FROM media_generator_renders")
        assert {outcome for (outcome,) in outcomes} == {"published"}


def test_kinds_can_have_servers_of_their_own(tmp_path: Path) -> None:
    """Pictures here, songs there."""
    with two(tmp_path) as (server, second):
        hosts = [
            {"url": server.double.url, "kinds": ["image"]},
            {"url": second.url, "kinds": ["audio"]},
        ]
        server.configure({"hosts": hosts})
        for _ in range(2):
            server.place.poet.write(image("a lake"))
            server.place.poet.write(song("folk"), prompt_type="lyrics_prompt")
        with server.place.started("daemon") as process:
            until(lambda: _ready(server, 4), 60)
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
        server.place.check()
