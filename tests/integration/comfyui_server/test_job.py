"""How a job is submitted, ends, and is cancelled."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.comfyui_double import small_picture
from tests.integration.comfyui_server.conftest import CANCEL_SECONDS, ServerWatch, state_is
from tests.integration.comfyui_server.worlds import picture_graph, song_graph

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


def test_our_own_id_is_told_before_the_server_hears_of_it(stage: Stage) -> None:
    """What the watch is told is what the server is asked for."""
    double = stage.double()
    asked: list[int] = []

    class Early(ServerWatch):
        def record_job(self, job: object) -> bool:
            asked.append(len(double.asked("POST", "/prompt")))
            return super().record_job(job)  # type: ignore[arg-type]

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
    graph, day = double.jobs[0].graph, datetime.now(UTC).date().isoformat()
    assert graph["5"]["inputs"]["seed"] == 7
    assert graph["7"]["inputs"]["filename_prefix"] == (
        f"mediagen/{day}/{double.jobs[0].prompt_id}/image"
    )


def test_a_warm_server_is_asked_twice(stage: Stage) -> None:
    """One job costs a submission and the file: the socket told the rest."""
    double, renderer = stage.double(), stage.renderer()
    stage.render(renderer)
    before = len(double.requests)
    assert renderer.preflight(Kind.IMAGE) is None
    assert is_successful(stage.render(renderer))
    seen = [(each.method, each.path.split("/")[1]) for each in double.requests[before:]]
    assert seen == [("POST", "prompt"), ("GET", "view")]


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


def test_a_workflow_that_saves_nothing_of_the_kind_is_not_submitted(stage: Stage) -> None:
    """Before any prompt is claimed, and also where one was claimed already."""
    double = stage.double()
    latent = {"class_type": "SaveLatent", "inputs": {"samples": ["5", 0], "filename_prefix": "x"}}
    for graph in (picture_graph() | {"7": latent}, song_graph()):
        renderer = stage.renderer(graphs={Kind.IMAGE: graph})
        failure = renderer.preflight(Kind.IMAGE)
        assert failure is not None
        assert failure.code is FailureCode.WRONG_MEDIA
        assert failure.code.halts
        assert stage.render(renderer).failure().code is FailureCode.WRONG_MEDIA
    assert double.jobs == []


def test_a_workflow_that_saves_nothing_at_all_is_not_submitted(stage: Stage) -> None:
    """It has all but the last node."""
    double, graph = stage.double(), picture_graph()
    del graph["7"]
    failure = stage.renderer(graphs={Kind.IMAGE: graph}).preflight(Kind.IMAGE)
    assert failure is not None
    assert failure.code is FailureCode.WRONG_MEDIA
    assert "no output node" in failure.message
    assert double.jobs == []


def test_a_custom_node_saves_where_the_server_says_so(stage: Stage) -> None:
    """A preview of a part of the way there hides nothing."""
    stage.double()
    graph = picture_graph()
    graph["7"] = {"class_type": "Archive", "inputs": {"content": ["6", 0]}}
    graph["8"] = {"class_type": "PreviewAny", "inputs": {"source": ["9", 0]}}
    graph["9"] = {"class_type": "PrimitiveString", "inputs": {"value": "notes"}}
    renderer = stage.renderer(graphs={Kind.IMAGE: graph})
    assert renderer.preflight(Kind.IMAGE) is None
    assert is_successful(stage.render(renderer))
    assert stage.files() == ["generated_image_001.png"]


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


@pytest.mark.parametrize("kind", Kind)
def test_what_was_saved_is_fetched(stage: Stage, kind: Kind) -> None:
    """Pictures and songs alike, byte for byte, under names of ours."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer(), kind=kind))
    (name,) = stage.files()
    assert name == {Kind.IMAGE: "generated_image_001.png", Kind.AUDIO: "generated_song.mp3"}[kind]
    (saved,) = (double.output / "mediagen").rglob("*.*")
    assert (stage.job.output / name).read_bytes() == saved.read_bytes()


def test_a_node_that_raises_is_named(stage: Stage) -> None:
    """With its title and the exception; the log of the render holds it too."""
    double = stage.double()
    double.behaviour.fail("KSampler", "exception", message="no such scheduler")
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert "'Sampler'" in failure.message
    assert "no such scheduler" in failure.message
    assert 'File "nodes.py"' in failure.detail
    assert "no such scheduler" in stage.watch.text
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_the_brief_is_not_told_on(stage: Stage) -> None:
    """What a node echoes of it is left out of messages and logs."""
    private = "a lake at dawn,\nvery still"
    double = stage.double()
    double.behaviour.fail("CLIPTextEncode", "exception", message=f"cannot encode {private!r}")
    failure = stage.render(stage.renderer(), brief=ImageBrief(prompt=private)).failure()
    told = f"{failure.message}{failure.detail}{stage.watch.text}"
    assert "cannot encode" in told
    assert "lake" not in told
    assert "still" not in told


def test_want_of_memory_is_told_apart(stage: Stage) -> None:
    """The prompt does not pay for it."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert double.asked("POST", "/free") == []
    assert len(double.jobs) == 1


def test_memory_is_freed_where_that_is_wished(stage: Stage) -> None:
    """And the job is tried once more, as another job."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory")
    assert is_successful(stage.render(stage.renderer(free_memory=True)))
    assert len(double.asked("POST", "/free")) == 1
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs[:1]


def test_memory_is_freed_once_only(stage: Stage) -> None:
    """Want of memory that stays is a failure."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer(free_memory=True)).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert len(double.jobs) == 2


def test_somebody_else_may_press_the_button(stage: Stage) -> None:
    """That is neither our wish nor the workflow's fault."""
    double = stage.double()
    double.behaviour.fail("KSampler", "interrupt")
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.JOB_INTERRUPTED
    assert double.url in failure.message


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("no_outputs", FailureCode.NO_FILES),
        ("missing_file", FailureCode.NO_FILES),
        ("old_file", FailureCode.FILE_REFUSED),
    ],
)
def test_a_success_without_a_file_of_its_own_is_none(
    stage: Stage, lie: str, code: FailureCode
) -> None:
    """Nothing is left, and the job is not looked for again."""
    double, renderer = stage.double(), stage.renderer()
    assert is_successful(stage.render(renderer))
    double.behaviour.change(lie=lie)
    failure = stage.render(renderer).failure()
    assert failure.code is code
    assert stage.files() == []
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.parametrize("lie", ["empty", "half", "text"])
def test_a_broken_file_is_passed_on(stage: Stage, lie: str) -> None:
    """It is the store's to verify files, here as with scripts."""
    stage.double(lie=lie)
    assert is_successful(stage.render(stage.renderer()))
    assert stage.files() == ["generated_image_001.png"]


def test_more_bytes_than_allowed_are_not_fetched(stage: Stage) -> None:
    """The copy ends at the limit."""
    stage.double()
    failure = stage.render(stage.renderer(max_bytes=100)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert "100 bytes" in failure.message


def test_more_files_than_allowed_are_not_fetched(stage: Stage) -> None:
    """None of them."""
    stage.double()
    failure = stage.render(stage.renderer(max_files=0)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert stage.files() == []


def test_a_history_that_comes_late_is_waited_for(stage: Stage) -> None:
    """Where the socket cannot have told everything."""
    double = stage.double(history_seconds=0.3, drop_after=4)
    assert is_successful(stage.render(stage.renderer()))
    assert any(each.path.startswith("/history/") for each in double.requests)


def test_the_servers_own_time_is_told(stage: Stage) -> None:
    """Not what the way there and back took."""
    stage.double(job_seconds=0.3)
    facts = stage.render(stage.renderer()).unwrap()
    assert 0.28 <= facts.seconds < 30
    assert (facts.renderer, facts.seed_used, facts.size_used) == ("server", True, True)
    assert facts.prompt_used


def test_the_method_of_previews_is_part_of_the_job(stage: Stage) -> None:
    """Only where it is set: otherwise the server decides."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer()))
    assert is_successful(stage.render(stage.renderer(preview_method="latent2rgb")))
    first, second = double.asked("POST", "/prompt")
    assert "extra_data" not in first.json
    assert second.json["extra_data"] == {"preview_method": "latent2rgb"}


def test_a_running_job_is_interrupted(stage: Stage) -> None:
    """By its id."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert state_is(double, "error")
    (asked,) = double.asked("POST", "/interrupt")
    assert asked.json == {"prompt_id": double.jobs[0].prompt_id}
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_job_is_cancelled_by_id_where_the_server_can(stage: Stage) -> None:
    """One request, whatever its state: nothing can change between a look and an interrupt."""
    double, renderer = stage.double(cancels_by_id=True), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert state_is(double, "error")
    assert len(double.asked("POST", f"/jobs/{stage.watch.jobs[0].id}/cancel")) == 1
    assert double.asked("POST", "/interrupt") == []
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.parametrize("cancels_by_id", [False, True])
def test_a_waiting_job_is_taken_from_the_queue(stage: Stage, cancels_by_id: bool) -> None:  # noqa: FBT001 (pytest's)
    """Other people's jobs, before it and behind it, are not touched."""
    double, renderer = stage.double(cancels_by_id=cancels_by_id), stage.renderer()
    double.behaviour.fail("EmptyImage", "hold")
    before = double.submit_foreign()
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "pending"))
    behind = double.submit_foreign()
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert double.asked("POST", "/interrupt") == []
    assert double.job(stage.watch.jobs[0].id).state == "deleted"
    double.release()
    double.wait(lambda: double.job(behind).state == "success")
    assert double.job(before).state == "success"


def test_a_job_that_an_heir_has_is_left(stage: Stage) -> None:
    """Who may not end it leaves it as it is."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == []
    assert double.asked("POST", "/interrupt") == []
    assert double.asked("POST", "/queue") == []
    assert state_is(double, "running")


@pytest.mark.usefixtures("impatient")
def test_a_job_that_does_not_heed_is_not_waited_for(stage: Stage) -> None:
    """Whoever asks for an end waits ten seconds at most."""
    assert CANCEL_SECONDS < 8
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hang")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == []


def test_waiting_for_a_server_that_is_gone_ends_on_request(stage: Stage) -> None:
    """However patient we are otherwise."""
    double, renderer = stage.double(), stage.renderer(unreachable_seconds=3600)
    assert renderer.preflight(Kind.IMAGE) is None
    double.stop()
    running = stage.begin(renderer)
    time.sleep(0.3)
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.usefixtures("impatient")
def test_forsaken_jobs_are_ended(stage: Stage) -> None:
    """Those that wait and those that run, also on a server that is no longer configured."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    stage.begin(renderer, ServerWatch(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    (job,) = stage.watch.jobs
    other = stage.renderer(servers=[ServerAddress("http://127.0.0.1:9")])
    assert other.end(job)
    double.wait(lambda: state_is(double, "error"))
    assert other.end(job)  # it is gone already
    double.stop()
    assert not other.end(job)
