"""What a server is asked, and that it gets each job once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from returns.pipeline import is_successful

from domain.failure import FailureCode
from domain.kind import Kind
from tests.comfyui_double import small_picture
from tests.integration.comfyui_server.conftest import ServerWatch
from tests.integration.comfyui_server.worlds import picture_graph

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


def test_our_own_id_is_told_before_the_server_hears_of_it(stage: Stage) -> None:
    """What the watch is told is what the server is asked for."""
    double = stage.double()
    asked: list[int] = []

    class Early(ServerWatch):
        def submitting(self, job: object) -> bool:
            asked.append(len(double.asked("POST", "/prompt")))
            return super().submitting(job)  # type: ignore[arg-type]

    facts = stage.render(stage.renderer(), Early()).unwrap()
    (job,) = stage.watch.jobs
    assert asked == [0]
    assert facts.job == job
    assert str(UUID(job.id)) == job.id == double.jobs[0].prompt_id
    assert (job.server, job.seed, job.variant) == (double.url, 7, 1)
    assert stage.watch.dropped_jobs == []


def test_seed_and_prefix_are_the_jobs_own(stage: Stage) -> None:
    """So that no cache can answer with an old file."""
    double = stage.double()
    stage.render(stage.renderer())
    graph = double.jobs[0].graph
    assert graph["5"]["inputs"]["seed"] == 7
    assert graph["7"]["inputs"]["filename_prefix"] == f"mediagen/{double.jobs[0].prompt_id}"


def test_a_warm_server_is_asked_three_times(stage: Stage) -> None:
    """One job costs a submission, a look at the history, and the file."""
    double, renderer = stage.double(), stage.renderer()
    stage.render(renderer)
    before = len(double.requests)
    assert renderer.preflight(Kind.IMAGE) is None
    assert is_successful(stage.render(renderer))
    seen = [(each.method, each.path.split("/")[1]) for each in double.requests[before:]]
    assert seen == [("POST", "prompt"), ("GET", "history"), ("GET", "view")]


def test_no_request_has_an_origin(stage: Stage) -> None:
    """A server refuses those of other sites."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer()))
    assert all("origin" not in each.headers for each in double.requests)


def test_an_answer_that_never_came_is_no_reason_to_submit_twice(stage: Stage) -> None:
    """The job is looked for first."""
    double = stage.double(unanswered_prompts=1)
    assert is_successful(stage.render(stage.renderer()))
    assert len(double.jobs) == 1


@pytest.mark.parametrize("trouble", ["close_requests", "error_requests"])
@pytest.mark.parametrize("path", ["/prompt", "/history", "/view", ""])
def test_trouble_that_passes_is_waited_for(stage: Stage, trouble: str, path: str) -> None:
    """Whatever request meets it."""
    double, renderer = stage.double(), stage.renderer()
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.change(**{trouble: 3, "trouble_path": path})
    assert is_successful(stage.render(renderer))
    assert len(double.jobs) == 1
    assert stage.files() == ["generated_image_001.png"]


def test_a_server_that_always_errs_is_unreachable(stage: Stage) -> None:
    """It is given some time, no more, and what it said is told."""
    double = stage.double()
    renderer = stage.renderer(unreachable_seconds=0.3)
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.change(error_requests=-1, trouble_path="/prompt")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert double.url in failure.message
    assert "500 Internal Server Error" in failure.message
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_job_that_may_not_be_submitted_is_not(stage: Stage) -> None:
    """The lease was lost before the submission."""
    double = stage.double()
    failure = stage.render(stage.renderer(), ServerWatch(may_start=False)).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert double.jobs == []


def test_a_model_that_went_away_is_named(stage: Stage) -> None:
    """Which file, at which input of which node, and where it belongs."""
    double, renderer = stage.double(), stage.renderer()
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.models = ["other.safetensors"]
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.MODEL_MISSING
    for word in (double.url, "tiny-random-sd15.safetensors", "ckpt_name", "models/checkpoints"):
        assert word in failure.message
    assert "other.safetensors" in failure.message
    assert stage.watch.dropped_jobs == stage.watch.jobs
    assert renderer.preflight(Kind.IMAGE) is not None  # what was examined is forgotten


def test_whether_a_value_is_taken_is_for_the_server_to_say(stage: Stage) -> None:
    """A node may accept more than it tells of: no kind waits for ever because of that."""
    graph = picture_graph()
    graph["5"]["inputs"]["sampler_name"] = "a_sampler_of_my_own"
    stage.double()
    renderer = stage.renderer(graphs={Kind.IMAGE: graph})
    assert renderer.preflight(Kind.IMAGE) is None
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.GRAPH_REJECTED
    assert "a_sampler_of_my_own" in failure.message


def test_a_part_that_is_refused_refuses_all(stage: Stage) -> None:
    """The server accepts the rest of the graph, and would run it: it is ended."""
    graph = {f"1{node_id}": node for node_id, node in small_picture("other").items()}
    graph["12"]["inputs"]["images"] = ["11", 0]
    double = stage.double()
    renderer = stage.renderer(graphs={Kind.IMAGE: picture_graph() | graph})
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.models = []
    double.behaviour.fail("EmptyImage", "hold")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.MODEL_MISSING
    assert stage.watch.dropped_jobs == stage.watch.jobs
    double.wait(lambda: double.jobs[0].state in {"error", "deleted"})
    assert stage.files() == []
