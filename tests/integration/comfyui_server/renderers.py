"""A server double, a workflow, and a renderer that uses them; all end with the test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.deadlines import ServerLimits
from adapters.comfyui_server.pool import ServerPool
from adapters.comfyui_server.renderer import ServerRenderer
from adapters.comfyui_server.server_workflow import WorkflowSource
from adapters.system_clock import SystemClock
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from returns.result import Result

    from adapters.comfyui_graph.mapping import ConfiguredInputs
    from adapters.comfyui_server.renderer import Workflows
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from domain.failure import Failure
    from domain.workflow_rules import WorkflowKey

# No test reaches them on a busy machine; a test of a limit sets it.
LIMITS = ServerLimits(seconds=100, stall_seconds=0, unreachable_seconds=60)

_MODEL = {
    "class_type": "CheckpointLoaderSimple",
    "inputs": {"ckpt_name": "tiny-random-sd15.safetensors"},
}


def picture_graph() -> dict[str, Any]:
    """A text-to-image graph that runs quickly."""
    return {
        "1": _MODEL,
        "2": _node("CLIPTextEncode", "Positive prompt", text="a hill", clip=["1", 1]),
        "3": _node("CLIPTextEncode", "Negative prompt", text="blurry", clip=["1", 1]),
        "4": _node("EmptyLatentImage", "Size", width=64, height=64, batch_size=1),
        "5": _node(
            "KSampler",
            "Sampler",
            seed=1,
            steps=4,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["1", 0],
            positive=["2", 0],
            negative=["3", 0],
            latent_image=["4", 0],
        ),
        "6": _node("VAEDecode", "To pixels", samples=["5", 0], vae=["1", 2]),
        "7": _node("SaveImage", "Save picture", filename_prefix="ComfyUI", images=["6", 0]),
    }


def song_graph() -> dict[str, Any]:
    """A graph that makes a short silence, without using the brief."""
    return {
        "1": _node("EmptyAudio", "Silence", duration=1.0, sample_rate=44100, channels=2),
        "2": _node(
            "SaveAudioMP3", "Save song", filename_prefix="ComfyUI", quality="V0", audio=["1", 0]
        ),
    }


def _node(class_type: str, title: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


GRAPHS: Mapping[Kind, Callable[[], dict[str, Any]]] = {
    Kind.IMAGE: picture_graph,
    Kind.AUDIO: song_graph,
}
INPUTS: Mapping[Kind, ConfiguredInputs] = {
    Kind.IMAGE: {},
    Kind.AUDIO: {"lyrics": None, "tags": None},
}


def workflows(
    folder: Path, graphs: Mapping[Kind, dict[str, Any]] | None = None
) -> dict[WorkflowKey, Callable[[], Result[ServerWorkflow, Failure]]]:
    """The workflow of each kind, read once."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[WorkflowKey, Callable[[], Result[ServerWorkflow, Failure]]] = {}
    for kind in Kind:
        graph = (graphs or {}).get(kind) or GRAPHS[kind]()
        loaded = WorkflowSource(saved(folder, graph), kind, INPUTS[kind])()
        made[kind, ""] = lambda loaded=loaded: loaded  # type: ignore[misc]
    return made


@contextmanager
def renderer(
    folder: Path,
    servers: Iterable[ServerAddress | str],
    limits: ServerLimits = LIMITS,
    graphs: Mapping[Kind, dict[str, Any]] | None = None,
    tell: Callable[[str, Failure | None], None] = lambda _name, _failure: None,
    sources: Workflows | None = None,
    on_models: Callable[[str, Sequence[str], bool], None] = lambda *_: None,
) -> Iterator[ServerRenderer]:
    """A renderer for the duration of the block."""
    addresses = [ServerAddress(each) if isinstance(each, str) else each for each in servers]
    clock = SystemClock()
    pool = ServerPool(addresses, clock, tell, on_models=on_models)
    made = ServerRenderer(sources or workflows(folder, graphs), pool, limits, clock)
    try:
        yield made
    finally:
        made.close()
