"""The renderer against a real ComfyUI, if ``COMFYUI_URL`` names one, and against the double.

Only nodes without models are used, and only these tests' jobs are touched:

    COMFYUI_URL=http://127.0.0.1:8188 .venv/bin/pytest tests/integration/comfyui_server -k real
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from threading import Timer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import ServerClient
from adapters.comfyui_server.deadlines import ServerLimits
from adapters.comfyui_server.pool import ServerPool
from adapters.comfyui_server.renderer import ServerRenderer
from adapters.comfyui_server.server_workflow import WorkflowSource
from adapters.system_clock import SystemClock
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.comfyui_double import running_double
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.integration.comfyui_server.conftest import ServerContext
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REAL = "COMFYUI_URL"


@pytest.fixture(params=["double", "real"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a server."""
    if request.param == "double":
        with running_double(tmp_path / "server") as double:
            yield double.url
    elif named := os.environ.get(REAL):
        yield named
    else:
        pytest.skip(f"{REAL} names no ComfyUI")


def picture(color: int = 0, scales: int = 0) -> dict[str, Any]:
    """A small picture of one colour; each scaling makes the graph longer."""
    blank = {"width": 64, "height": 64, "batch_size": 1, "color": color}
    graph: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": blank}}
    for number in range(2, 2 + scales):
        graph[str(number)] = {
            "class_type": "ImageScale",
            "inputs": {
                "image": [str(number - 1), 0],
                "upscale_method": "lanczos",
                "width": 2000 + number,
                "height": 2000,
                "crop": "disabled",
            },
        }
    save = {"images": [str(1 + scales), 0], "filename_prefix": "ComfyUI"}
    return graph | {"99": {"class_type": "SaveImage", "inputs": save}}


def silence() -> dict[str, Any]:
    """A second of silence as MP3."""
    nothing = {"duration": 1.0, "sample_rate": 44100, "channels": 2}
    save = {"filename_prefix": "ComfyUI", "quality": "V0", "audio": ["1", 0]}
    return {
        "1": {"class_type": "EmptyAudio", "inputs": nothing},
        "2": {"class_type": "SaveAudioMP3", "inputs": save},
    }


@contextmanager
def rendering(
    folder: Path, url: str, graph: dict[str, Any], kind: Kind
) -> Iterator[ServerRenderer]:
    """A renderer of one graph, which uses nothing of the brief."""
    folder.mkdir()
    given = {"prompt": None, "negative_prompt": None} if kind is Kind.IMAGE else {}
    given |= {"lyrics": None, "tags": None} if kind is Kind.AUDIO else {}
    source = WorkflowSource(saved(folder, graph), kind, given)
    clock = SystemClock()
    pool = ServerPool([ServerAddress(url)], clock)
    limits = ServerLimits(seconds=120, stall_seconds=0, unreachable_seconds=5)
    renderer = ServerRenderer({(kind, ""): source}, pool, limits, clock)
    try:
        yield renderer
    finally:
        renderer.close()


@pytest.mark.parametrize(("kind", "graph"), [(Kind.IMAGE, picture()), (Kind.AUDIO, silence())])
def test_a_real_server_makes_a_valid_file(
    url: str, tmp_path: Path, kind: Kind, graph: dict[str, Any]
) -> None:
    """A picture and a song, each fetched completely."""
    with rendering(tmp_path / "files", url, graph, kind) as renderer:
        assert renderer.preflight(kind) is None
        job, watch = job_for(tmp_path / "out", kind), RecordingContext()
        facts = renderer.render(job, watch).unwrap()
    [file] = job.output.iterdir()
    assert file.stat().st_size > 0
    assert facts.job == watch.jobs[0]
    assert watch.reports[-1][0] == 1


def test_a_real_server_never_answers_with_an_old_file(url: str, tmp_path: Path) -> None:
    """The same graph twice: two jobs, and two files on the server."""
    with rendering(tmp_path / "files", url, picture(uuid4().int % 2**24), Kind.IMAGE) as renderer:
        watches = [RecordingContext(), RecordingContext()]
        for number, watch in enumerate(watches):
            assert is_successful(renderer.render(job_for(tmp_path / f"out{number}"), watch))
    assert watches[0].jobs != watches[1].jobs


def test_a_real_server_continues_an_earlier_job(url: str, tmp_path: Path) -> None:
    """Its result is fetched from the history."""
    with rendering(tmp_path / "files", url, picture(7), Kind.IMAGE) as renderer:
        first, watch = job_for(tmp_path / "one"), RecordingContext()
        assert is_successful(renderer.render(first, watch))
        [left] = watch.jobs
        job = replace(job_for(tmp_path / "two"), earlier=(left,))
        successor = RecordingContext()
        assert renderer.render(job, successor).unwrap().job == left
        assert successor.jobs == [left]
    [one], [two] = first.output.iterdir(), job.output.iterdir()
    assert one.read_bytes() == two.read_bytes()


def test_a_real_server_interrupts_only_our_job(url: str, tmp_path: Path) -> None:
    """It has left the queue when the renderer returns."""
    graph = picture(uuid4().int % 2**24, scales=30)
    with rendering(tmp_path / "files", url, graph, Kind.IMAGE) as renderer:
        watch = ServerContext()
        soon = Timer(0.2, watch.stop.set)
        soon.start()
        failure = renderer.render(job_for(tmp_path / "out"), watch).failure()
        soon.join()
        assert failure.code is FailureCode.INTERRUPTED
        api = ServerClient(ServerAddress(url))
        sight = api.queue()
        api.close()
    assert watch.jobs
    assert not any(sight.holds(job.id) for job in watch.jobs)


def test_a_real_server_reports_missing_node_types(url: str, tmp_path: Path) -> None:
    """Before anything is submitted."""
    graph = picture()
    graph["98"] = {"class_type": "NoSuchNodeAnywhere", "inputs": {"image": ["1", 0]}}
    graph["99"]["inputs"]["images"] = ["98", 0]
    with rendering(tmp_path / "files", url, graph, Kind.IMAGE) as renderer:
        failure = renderer.preflight(Kind.IMAGE)
    assert failure is not None
    assert failure.code is FailureCode.NODE_MISSING
    assert "NoSuchNodeAnywhere" in failure.message
