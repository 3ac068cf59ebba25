"""Several jobs on several servers at once."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.server_workflow import WorkflowSource
from domain.brief_parser import parse_brief
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import job_for
from tests.integration.comfyui_server.conftest import ServerContext
from tests.integration.comfyui_server.renderers import INPUTS, picture_graph, renderer
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from returns.result import Result

    from adapters.comfyui_server.renderer import ServerRenderer
    from application.ports.media_renderer import RenderingFacts
    from domain.failure import Failure
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


def own_jobs(double: Double) -> int:
    """Number of Media Generator's jobs that a double has now."""
    return sum(job.state in {"pending", "running"} for job in double.jobs)


def test_jobs_go_to_idle_servers(stage: Stage) -> None:
    """No server gets more jobs at once than it has slots, or two: one waits there."""
    first, second = stage.double(), stage.double()
    first.behaviour.fail("KSampler", "hold", times=None)
    renderer = stage.renderer(
        servers=[ServerAddress(first.url, slots=2), ServerAddress(second.url)]
    )
    most = [0, 0]

    class Counting(ServerContext):
        def must_stop(self) -> bool:
            for number, double in enumerate((first, second)):
                most[number] = max(most[number], own_jobs(double))
            return False

    jobs = [job_for(stage.folder / f"job{number}", prompt_id=number) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        made = [threads.submit(renderer.render, job, Counting()) for job in jobs]
        second.wait(lambda: sum(job.state == "success" for job in second.jobs) == 10)
        first.release()
    assert all(is_successful(each.result()) for each in made)
    assert (len(first.jobs), len(second.jobs)) == (2, 10)
    assert most[0] == 2
    assert most[1] <= 2
    assert len(first.connected) <= 2
    assert len(second.connected) <= 2


def test_a_render_waiting_for_a_place_can_be_stopped(stage: Stage) -> None:
    """Before anything was submitted."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = [stage.begin(renderer) for _ in range(2)]  # one of them waits in the server's queue
    double.wait(lambda: len(double.jobs) == 2)
    waiting = stage.begin(renderer)
    time.sleep(0.2)
    assert not waiting.done()
    stage.watch.stop.set()
    assert waiting.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.jobs == []
    double.release()
    assert all(is_successful(job.result(60)) for job in running)
    assert len(double.jobs) == 2


def test_each_problem_is_reported_once(stage: Stage) -> None:
    """The first in the message, the others in the detail."""
    stage.double()
    graph = picture_graph()
    graph["1"] = {**graph["1"], "inputs": {"ckpt_name": "gone.safetensors"}}
    graph["7"]["class_type"] = "Gone"
    renderer = stage.renderer(graphs={Kind.IMAGE: graph})
    failure = renderer.preflight(Kind.IMAGE)
    assert failure is not None
    told = f"{failure.message}\n{failure.detail}"
    assert [told.count(part) for part in ("'Gone'", "'gone.safetensors'")] == [1, 1]
    assert "'Gone'" in failure.message


def test_a_place_is_always_given_back(stage: Stage) -> None:
    """Also after failures, stops and lost servers."""
    double, renderer = stage.double(), stage.renderer()
    for kind in ("exception", "interrupt", "out_of_memory"):
        double.behaviour.fail("KSampler", kind)
        assert not is_successful(stage.render(renderer))
    double.restart()
    assert is_successful(stage.render(renderer))


def test_models_count_once_a_server_gets_the_job(stage: Stage) -> None:
    """Not those of a brief that is refused: no server has them, and nothing is loaded."""
    double = stage.double()
    inputs = {**INPUTS[Kind.IMAGE], "technical_params.checkpoint": "1.ckpt_name"}
    workflow = WorkflowSource(saved(stage.folder, picture_graph()), Kind.IMAGE, inputs)()
    reported: list[tuple[object, ...]] = []

    def report(*job: object) -> None:
        reported.append(job)

    def rendered(made: ServerRenderer, **technical: str) -> Result[RenderingFacts, Failure]:
        content = json.dumps({"prompt": "a hill", "technical_params": technical})
        return stage.render(made, brief=parse_brief(Kind.IMAGE, content).unwrap())

    sources = {(Kind.IMAGE, ""): lambda: workflow}
    servers = [double.url]
    with renderer(stage.folder, servers, sources=sources, on_models=report) as made:
        refused = rendered(made, checkpoint="away")
        assert refused.failure().code is FailureCode.BRIEF_VALUE
        assert reported == []
        assert is_successful(rendered(made))
        assert is_successful(rendered(made))
    models = ("tiny-random-sd15.safetensors",)
    assert reported == [(double.url, models, False), (double.url, models, True)]
