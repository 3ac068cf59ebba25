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
from tests.integration.comfyui_server.conftest import CANCEL_SECONDS, ServerContext, state_is
from tests.integration.comfyui_server.renderers import picture_graph, song_graph

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


def test_the_job_is_recorded_before_the_submission(stage: Stage) -> None:
    """The recorded id is the one that the server gets."""
    double = stage.double()
    asked: list[int] = []

    class Early(ServerContext):
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


def test_seed_and_prefix_belong_to_the_job(stage: Stage) -> None:
    """So that no cache can answer with an old file."""
    double = stage.double()
    stage.render(stage.renderer())
    graph, day = double.jobs[0].graph, datetime.now(UTC).date().isoformat()
    assert graph["5"]["inputs"]["seed"] == 7
    assert graph["7"]["inputs"]["filename_prefix"] == (
        f"mediagen/{day}/{double.jobs[0].prompt_id}/image"
    )


def test_a_warm_server_gets_two_requests(stage: Stage) -> None:
    """One job costs a submission and the file; the socket reported the rest."""
    double, renderer = stage.double(), stage.renderer()
    stage.render(renderer)
    before = len(double.requests)
    assert renderer.preflight(Kind.IMAGE) is None
    assert is_successful(stage.render(renderer))
    seen = [(each.method, each.path.split("/")[1]) for each in double.requests[before:]]
    assert seen == [("POST", "prompt"), ("GET", "view")]


def test_no_request_has_an_origin_header(stage: Stage) -> None:
    """A server refuses those of other sites."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer()))
    assert all("origin" not in each.headers for each in double.requests)


def test_a_lost_response_causes_no_second_submission(stage: Stage) -> None:
    """The job is searched for first."""
    double = stage.double(unanswered_prompts=1)
    assert is_successful(stage.render(stage.renderer()))
    assert len(double.jobs) == 1


@pytest.mark.parametrize("trouble", ["close_requests", "error_requests"])
@pytest.mark.parametrize("path", ["/prompt", "/history", "/view", ""])
def test_transient_errors_are_waited_for(stage: Stage, trouble: str, path: str) -> None:
    """Whichever request gets one."""
    double, renderer = stage.double(), stage.renderer()
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.change(**{trouble: 3, "trouble_path": path})
    assert is_successful(stage.render(renderer))
    assert len(double.jobs) == 1
    assert stage.files() == ["generated_image_001.png"]


def test_a_server_that_always_fails_is_unreachable(stage: Stage) -> None:
    """After some time, and the failure contains its response."""
    double = stage.double()
    renderer = stage.renderer(unreachable_seconds=0.3)
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.change(error_requests=-1, trouble_path="/prompt")
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert double.url in failure.message
    assert "500 Internal Server Error" in failure.message
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_a_refused_job_is_not_submitted(stage: Stage) -> None:
    """The lease was lost before the submission."""
    double = stage.double()
    failure = stage.render(stage.renderer(), ServerContext(may_start=False)).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert double.jobs == []


def test_a_deleted_model_is_named(stage: Stage) -> None:
    """Which file, at which input of which node, and in which folder it belongs."""
    double, renderer = stage.double(), stage.renderer()
    assert renderer.preflight(Kind.IMAGE) is None
    double.behaviour.models = ["other.safetensors"]
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.MODEL_MISSING
    for word in (double.url, "tiny-random-sd15.safetensors", "ckpt_name", "models/checkpoints"):
        assert word in failure.message
    assert "other.safetensors" in failure.message
    assert stage.watch.dropped_jobs == stage.watch.jobs
    assert renderer.preflight(Kind.IMAGE) is not None  # cached validation is dropped


def test_a_workflow_that_saves_no_file_of_the_kind_is_not_submitted(stage: Stage) -> None:
    """Before any prompt is claimed, and also if one was claimed already."""
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
    """It lacks only the last node."""
    double, graph = stage.double(), picture_graph()
    del graph["7"]
    failure = stage.renderer(graphs={Kind.IMAGE: graph}).preflight(Kind.IMAGE)
    assert failure is not None
    assert failure.code is FailureCode.WRONG_MEDIA
    assert "no output node" in failure.message
    assert double.jobs == []


def test_a_custom_output_node_is_recognized_by_the_server(stage: Stage) -> None:
    """A preview in the middle of the graph hides nothing."""
    stage.double()
    graph = picture_graph()
    graph["7"] = {"class_type": "Archive", "inputs": {"content": ["6", 0]}}
    graph["8"] = {"class_type": "PreviewAny", "inputs": {"source": ["9", 0]}}
    graph["9"] = {"class_type": "PrimitiveString", "inputs": {"value": "notes"}}
    renderer = stage.renderer(graphs={Kind.IMAGE: graph})
    assert renderer.preflight(Kind.IMAGE) is None
    assert is_successful(stage.render(renderer))
    assert stage.files() == ["generated_image_001.png"]


def test_input_values_are_validated_by_the_server_only(stage: Stage) -> None:
    """A node may accept more than it describes, which must not make its kind wait for ever."""
    graph = picture_graph()
    graph["5"]["inputs"]["sampler_name"] = "a_sampler_of_my_own"
    stage.double()
    renderer = stage.renderer(graphs={Kind.IMAGE: graph})
    assert renderer.preflight(Kind.IMAGE) is None
    failure = stage.render(renderer).failure()
    assert failure.code is FailureCode.GRAPH_REJECTED
    assert "a_sampler_of_my_own" in failure.message


def test_a_partly_refused_graph_is_refused(stage: Stage) -> None:
    """The server accepts the rest of the graph and would run it: it is interrupted."""
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
def test_saved_files_are_fetched(stage: Stage, kind: Kind) -> None:
    """Pictures and songs alike, byte for byte, under generated names."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer(), kind=kind))
    (name,) = stage.files()
    assert name == {Kind.IMAGE: "generated_image_001.png", Kind.AUDIO: "generated_song.mp3"}[kind]
    (saved,) = (double.output / "mediagen").rglob("*.*")
    assert (stage.job.output / name).read_bytes() == saved.read_bytes()


def test_a_node_that_raises_is_named(stage: Stage) -> None:
    """With its title and the exception; the log of the render contains them too."""
    double = stage.double()
    double.behaviour.fail("KSampler", "exception", message="no such scheduler")
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert "'Sampler'" in failure.message
    assert "no such scheduler" in failure.message
    assert 'File "nodes.py"' in failure.detail
    assert "no such scheduler" in stage.watch.text
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_the_brief_is_not_leaked(stage: Stage) -> None:
    """Echoes of it by a node are left out of messages and logs."""
    private = "a lake at dawn,\nvery still"
    double = stage.double()
    double.behaviour.fail("CLIPTextEncode", "exception", message=f"cannot encode {private!r}")
    failure = stage.render(stage.renderer(), brief=ImageBrief(prompt=private)).failure()
    told = f"{failure.message}{failure.detail}{stage.watch.text}"
    assert "cannot encode" in told
    assert "lake" not in told
    assert "still" not in told


def test_out_of_memory_has_its_own_failure(stage: Stage) -> None:
    """The prompt is not charged for it."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert double.asked("POST", "/free") == []
    assert len(double.jobs) == 1


def test_memory_is_freed_if_configured(stage: Stage) -> None:
    """And the job is tried once more, as another job."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory")
    assert is_successful(stage.render(stage.renderer(free_memory=True)))
    assert len(double.asked("POST", "/free")) == 1
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs[:1]


def test_memory_is_freed_only_once(stage: Stage) -> None:
    """Lasting lack of memory is a failure."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer(free_memory=True)).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert len(double.jobs) == 2


def test_an_interrupt_by_another_client(stage: Stage) -> None:
    """It is neither our request nor the workflow's fault."""
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
def test_a_success_without_its_own_file_is_a_failure(
    stage: Stage, lie: str, code: FailureCode
) -> None:
    """Nothing is left, and the job is not searched for again."""
    double, renderer = stage.double(), stage.renderer()
    assert is_successful(stage.render(renderer))
    double.behaviour.change(lie=lie)
    failure = stage.render(renderer).failure()
    assert failure.code is code
    assert stage.files() == []
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.parametrize("lie", ["empty", "half", "text"])
def test_a_broken_file_is_passed_on(stage: Stage, lie: str) -> None:
    """Files are verified by the store, as with scripts."""
    stage.double(lie=lie)
    assert is_successful(stage.render(stage.renderer()))
    assert stage.files() == ["generated_image_001.png"]


def test_no_more_bytes_than_allowed_are_fetched(stage: Stage) -> None:
    """The copy ends at the limit."""
    stage.double()
    failure = stage.render(stage.renderer(max_bytes=100)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert "100 bytes" in failure.message


def test_no_more_files_than_allowed_are_fetched(stage: Stage) -> None:
    """None of them is fetched."""
    stage.double()
    failure = stage.render(stage.renderer(max_files=0)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert stage.files() == []


def test_a_late_history_is_waited_for(stage: Stage) -> None:
    """If the socket cannot have reported everything."""
    double = stage.double(history_seconds=0.3, drop_after=4)
    assert is_successful(stage.render(stage.renderer()))
    assert any(each.path.startswith("/history/") for each in double.requests)


def test_the_servers_own_duration_is_reported(stage: Stage) -> None:
    """Without the time for requests and copies."""
    stage.double(job_seconds=0.3)
    facts = stage.render(stage.renderer()).unwrap()
    assert 0.28 <= facts.seconds < 30
    assert (facts.renderer, facts.seed_used, facts.size_used) == ("server", True, True)
    assert facts.prompt_used


def test_the_preview_method_is_part_of_the_job(stage: Stage) -> None:
    """Only if configured: otherwise the server decides."""
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


def test_a_job_is_cancelled_by_id_if_the_server_supports_it(stage: Stage) -> None:
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
def test_a_waiting_job_is_removed_from_the_queue(stage: Stage, cancels_by_id: bool) -> None:  # noqa: FBT001 (pytest's)
    """Other clients' jobs, before and behind it, are not touched."""
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


def test_a_job_of_a_successor_is_left_alone(stage: Stage) -> None:
    """A render that does not own it may not end it."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    running = stage.begin(renderer, ServerContext(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == []
    assert double.asked("POST", "/interrupt") == []
    assert double.asked("POST", "/queue") == []
    assert state_is(double, "running")


@pytest.mark.usefixtures("impatient")
def test_a_job_that_ignores_the_interrupt_is_not_waited_for(stage: Stage) -> None:
    """A requested stop takes ten seconds at most."""
    assert CANCEL_SECONDS < 8
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hang")
    running = stage.begin(renderer)
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == []


def test_waiting_for_a_server_ends_on_request(stage: Stage) -> None:
    """However long the time limits are."""
    double, renderer = stage.double(), stage.renderer(unreachable_seconds=3600)
    assert renderer.preflight(Kind.IMAGE) is None
    double.stop()
    running = stage.begin(renderer)
    time.sleep(0.3)
    stage.watch.stop.set()
    assert running.result(60).failure().code is FailureCode.INTERRUPTED
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.usefixtures("impatient")
def test_orphaned_jobs_are_ended(stage: Stage) -> None:
    """Waiting and running ones, also on a server that is no longer configured."""
    double, renderer = stage.double(), stage.renderer()
    double.behaviour.fail("KSampler", "hold")
    stage.begin(renderer, ServerContext(endable=False))
    double.wait(lambda: state_is(double, "running"))
    stage.watch.stop.set()
    (job,) = stage.watch.jobs
    other = stage.renderer(servers=[ServerAddress("http://127.0.0.1:9")])
    assert other.end(job)
    double.wait(lambda: state_is(double, "error"))
    assert other.end(job)  # it is gone already
    double.stop()
    assert not other.end(job)
