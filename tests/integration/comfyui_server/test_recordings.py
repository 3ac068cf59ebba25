"""Each recording of real servers, old and new, replayed against the renderer."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful
from returns.result import Success

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.deadlines import ServerLimits
from adapters.comfyui_server.pool import Server, ServerPool
from adapters.comfyui_server.renderer import ServerRenderer
from adapters.comfyui_server.server_workflow import ServerWorkflow
from adapters.system_clock import SystemClock
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.comfyui_double import small_picture
from tests.comfyui_double.recorder import differences
from tests.comfyui_double.recordings import NAMES, OLDEST, VERSIONS, names, recording
from tests.comfyui_double.replay import replaying
from tests.contract.media_renderer_contract import job_for
from tests.integration.comfyui_server.conftest import ServerContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from returns.result import Result

    from application.ports.media_renderer import RenderingFacts
    from domain.failure import Failure
    from tests.comfyui_double.replay import Replay

SUFFIXES = {
    "animated_webp": [".webp"],
    "audio_PreviewAudio": [".flac"],
    "audio_SaveAudio": [".flac"],
    "audio_SaveAudioMP3": [".mp3"],
    "audio_SaveAudioOpus": [".opus"],
    "batch3_save_and_preview": [".png"] * 3,
    "cached_rerun_changed_tail": [".png"],
    "cached_rerun_first": [".png"],
    "cached_rerun_same": [".png"],
    "composite_mask": [".png"],
    "feature_flags": [".png"],
    "ksampler_tiny_after_interrupt": [".png"],
    "ksampler_tiny_binary_previews": [".png"],
    "ksampler_tiny_binary_previews_metadata": [".png"],
    "ksampler_tiny_cold": [".png"],
    "ksampler_tiny_metadata_previews": [".png"],
    "ksampler_tiny_new_seed": [".png"],
    "no_client_id": [".png"],
    "own_prompt_id": [".png"],
    "queue_delete": [".png"],
    "queue_three": [".png"],
    "reconnect_same_client_id": [".png"],
    "save_latent": [".latent"],
    "save_video": [".mp4"],
    "success_image": [".png"],
    "upload_and_load": [".png"],
}
FAILURES: dict[str, tuple[FailureCode, *tuple[str, ...]]] = {
    "exec_error": (FailureCode.WORKFLOW_FAILED, "SaveImage", "outside the output folder"),
    "exec_error_partial": (FailureCode.WORKFLOW_FAILED, "SaveImage", "outside the output folder"),
    "interrupt": (FailureCode.JOB_INTERRUPTED, "another client"),
    "interrupt_targeted": (FailureCode.JOB_INTERRUPTED, "another client"),
    "ksampler_tiny_interrupt": (FailureCode.JOB_INTERRUPTED, "another client"),
    "preview_any": (FailureCode.NO_FILES, "no file"),
    "val_bad_json": (FailureCode.SERVER_UNREACHABLE, "500 Internal Server Error"),
    "val_bad_link_node": (FailureCode.GRAPH_REJECTED, "node 4 ('SaveImage')", "KeyError: '77'"),
    "val_bad_link_type": (
        FailureCode.GRAPH_REJECTED,
        "node 2 ('SaveImage'), input 'images'",
        "received_type(LATENT) mismatch input_type(IMAGE)",
    ),
    "val_ckpt_not_in_list": (
        FailureCode.MODEL_MISSING,
        "node 1 ('CheckpointLoaderSimple')",
        "ckpt_name: 'nope.safetensors'",
        "models/checkpoints",
    ),
    "val_cycle": (FailureCode.GRAPH_REJECTED, "in a circle"),
    "val_empty_prompt": (FailureCode.GRAPH_REJECTED, "Prompt has no outputs"),
    "val_missing_class_type": (FailureCode.GRAPH_REJECTED, "missing the class_type property"),
    "val_missing_input": (
        FailureCode.GRAPH_REJECTED,
        "node 2 ('ImageInvert'), input 'image'",
        "Required input is missing",
    ),
    "val_no_outputs": (FailureCode.GRAPH_REJECTED, "Prompt has no outputs"),
    "val_no_prompt": (FailureCode.GRAPH_REJECTED, "No prompt provided"),
    "val_partial": (FailureCode.GRAPH_REJECTED, "node 5 ('SaveImage')", "KeyError: '77'"),
    "val_ui_format": (FailureCode.GRAPH_REJECTED, "missing the class_type property"),
    "val_unknown_class": (FailureCode.NODE_MISSING, "'NoSuchNode'"),
    "val_value_too_big": (
        FailureCode.GRAPH_REJECTED,
        "node 1 ('EmptyImage'), input 'width'",
        "Value 99999999 bigger than max of 16384",
    ),
    "val_wrong_type": (
        FailureCode.GRAPH_REJECTED,
        "node 1 ('EmptyImage'), input 'width'",
        "Failed to convert an input value to a INT value",
    ),
}

NEWEST = VERSIONS[-1]
# Outcomes that differ with the newest server; everything else ends as with the oldest one.
NEWEST_FAILURES: dict[str, tuple[FailureCode, *tuple[str, ...]]] = {
    "own_prompt_id": (FailureCode.GRAPH_REJECTED, "prompt_id must be a valid UUID"),
    "val_cycle": (FailureCode.GRAPH_REJECTED, "Dependency cycle detected", "3 (ImageInvert)"),
    "val_missing_class_type": (FailureCode.NODE_MISSING, "has no node type"),
    "val_ui_format": (FailureCode.SERVER_UNREACHABLE, "500 Internal Server Error"),
}
# The parts of each recording in which the newest server differs from the oldest one. "create_time"
# is new in the history of every job.
DIFFERENCES = {
    "audio_PreviewAudio": {"history", "ws"},  # names end in a number, without "_" behind it
    "audio_SaveAudio": {"history", "ws"},
    "audio_SaveAudioMP3": {"history", "ws"},
    "audio_SaveAudioOpus": {"history", "ws"},
    "exec_error": {"history", "ws"},  # a message of SaveImage is shorter
    "exec_error_partial": {"history", "ws"},
    "feature_flags": {"ws"},  # it lists more features
    "own_prompt_id": {
        "http_status",
        "response",
        "history",
        "ws",
    },  # only a canonical UUID is accepted
    "val_cycle": {"response"},  # the cycle is reported for each of its nodes
    "val_missing_class_type": {"response"},
    "val_ui_format": {"http_status", "content_type", "response"},
    "val_unknown_class": {"response"},
}
RECORDED = [
    *((name, OLDEST) for name in NAMES),
    *((name, NEWEST) for name in names(NEWEST)),
]


def failures(version: str) -> dict[str, tuple[FailureCode, *tuple[str, ...]]]:
    """How the recordings of a version without a file end."""
    ends = {**FAILURES, **(NEWEST_FAILURES if version == NEWEST else {})}
    return {name: ends[name] for name in names(version) if name in ends}


class ReplayedRender:
    """A renderer's result for a recording."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._open = opened
        self.watch = ServerContext()
        self.replay: Replay
        self.files: list[str] = []

    def render(
        self,
        name: str,
        version: str = OLDEST,
        pace: float = 0.0,
        held: Callable[[dict[str, Any]], bool] = lambda _: False,
    ) -> Result[RenderingFacts, Failure]:
        """Render with the recorded graph, without validation before."""
        self.replay = self._open.enter_context(replaying(recording(name, version), pace, held))
        workflow = ServerWorkflow("flow.json", Kind.IMAGE, _graph(name), {})
        pool = ServerPool([ServerAddress(self.replay.url)], clock := SystemClock())
        limits = ServerLimits(seconds=100, stall_seconds=0, unreachable_seconds=0.3)
        workflows = dict.fromkeys([(kind, "") for kind in Kind], lambda: Success(workflow))
        renderer = ServerRenderer(workflows, pool, limits, clock)
        self._open.callback(renderer.close)
        job = job_for(self._folder / "out")
        made = renderer.render(job, self.watch)
        self.files = sorted(path.suffix for path in job.output.iterdir())
        return made


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayedRender]:
    """Replayed recordings, ended with the test; the recorded servers describe no node types."""
    monkeypatch.setattr(Server, "compatibility", lambda _server, _workflow: None)
    with ExitStack() as opened:
        yield ReplayedRender(tmp_path, opened)


def is_progress(message: dict[str, Any], step: int) -> bool:
    """Whether a message reports so many steps of a sampler."""
    return message.get("type") == "progress" and message["data"]["value"] == step


def released_by(played: ReplayedRender, heard: Callable[[ServerContext], bool]) -> None:
    """Let a replay that is held continue once a message was received."""

    class Releasing(ServerContext):
        def must_stop(self) -> bool:
            if heard(self):
                played.replay.released.set()
            return False

    played.watch = Releasing()


def _graph(name: str) -> dict[str, Any]:
    """The recorded graph, or any if the posted one was invalid."""
    request = recording(name)["request"]
    graph = request.get("prompt") if isinstance(request, dict) else None
    nodes = graph.values() if isinstance(graph, dict) else ()
    well = all(isinstance(node, dict) and "class_type" in node for node in nodes)
    return dict(graph) if graph and well else small_picture()


def test_every_recording_has_its_outcome() -> None:
    """Either files, or a failure."""
    assert sorted([*SUFFIXES, *FAILURES]) == NAMES
    assert set(names(NEWEST)) <= set(NAMES)


@pytest.mark.parametrize("name", names(NEWEST))
def test_differences_of_a_new_server_are_known(name: str) -> None:
    """Part by part, except times, ids and counters."""
    old, new = recording(name), recording(name, NEWEST)
    for entry in (new.get("history") or {}).values():
        entry["prompt"][3].pop("create_time")
    parts = {line.split()[1] for line in differences(old, new) if line.startswith("--- ")}
    assert parts == DIFFERENCES.get(name, set())


@pytest.mark.parametrize(
    ("name", "version"),
    [(name, version) for name, version in RECORDED if name not in failures(version)],
)
def test_files_are_fetched(played: ReplayedRender, name: str, version: str) -> None:
    """As many as the history names, each with its suffix; progress ends at 1."""
    facts = played.render(name, version).unwrap()
    assert played.files == SUFFIXES[name]
    assert facts.seconds >= 0
    fractions = [fraction for fraction, _ in played.watch.reports if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert played.watch.dropped_jobs == []


@pytest.mark.parametrize(
    ("name", "version"),
    [(name, version) for name, version in RECORDED if name in failures(version)],
)
def test_failures_are_reported(played: ReplayedRender, name: str, version: str) -> None:
    """With a code and a message for a person; the job is not searched for again."""
    code, *words = failures(version)[name]
    failure = played.render(name, version).failure()
    assert failure.code is code
    assert played.replay.url in failure.message
    for word in words:
        assert word in failure.message
    assert played.files == []
    assert played.watch.dropped_jobs == played.watch.jobs


@pytest.mark.parametrize("name", ["success_image", "exec_error", "interrupt"])
def test_recorded_times_change_nothing(played: ReplayedRender, name: str) -> None:
    """Replayed at the recorded speed, the outcome is the same."""
    assert is_successful(played.render(name, pace=1.0)) == (name in SUFFIXES)


@pytest.mark.parametrize("name", ["ksampler_tiny_binary_previews_metadata", "ksampler_tiny_cold"])
def test_previews_are_passed_on(played: ReplayedRender, name: str) -> None:
    """While the job runs."""
    released_by(played, lambda watch: bool(watch.previews) or "metadata" not in name)
    played.render(name, held=lambda message: is_progress(message, 1)).unwrap()
    shown = {kind for _, kind in played.watch.previews}
    assert shown == ({"image/jpeg"} if "metadata" in name else set())


def test_steps_are_reported_with_the_nodes_name(played: ReplayedRender) -> None:
    """The sampler's current and total steps."""
    released_by(played, lambda watch: "KSampler, step 1/" in str(watch.reports))
    played.render("ksampler_tiny_cold", held=lambda message: is_progress(message, 1)).unwrap()
    assert any("KSampler, step 1/" in message for _, message in played.watch.reports)
