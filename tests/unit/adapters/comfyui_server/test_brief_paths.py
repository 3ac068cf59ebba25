"""Values of a brief's JSON in graphs: sent unchanged, or refused with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_graph.graph import Target
from adapters.comfyui_graph.node_types import InputType
from adapters.comfyui_server.input_pictures import PictureUploads
from adapters.comfyui_server.server_workflow import WorkflowSource, bind
from application.ports.input_pictures import InputPicture
from domain.brief_parser import parse_brief
from domain.brief_paths import ValueType
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import (
    example_graph,
    job,
    loaded,
    node,
    saved,
    why_not,
)

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.media_renderer import RenderJob
    from domain.failure import Failure

INPUTS: dict[str, Any] = {
    "technical_params.steps": {"input": "5.steps", "type": "integer", "default": 12, "max": 60},
    "technical_params.sampler": "5.sampler_name",
    "technical_params.cfg": {"input": "5.cfg"},
    "quality": {"input": "8.text", "default": "high"},
}
TYPES = {
    Target("5", "steps"): InputType("INT", None, {"min": 1, "max": 50}, required=True),
    Target("5", "sampler_name"): InputType("COMBO", ("euler", "dpmpp_2m"), {}, required=True),
    Target("5", "cfg"): InputType("FLOAT", None, {"min": 0, "max": 100}, required=True),
}
RED = InputPicture(b"red", "0f" * 32, "png", "red.png")


def graph() -> dict[str, Any]:
    """A graph with a node for the quality, and one that loads a picture."""
    return example_graph("text_to_image") | {
        "8": node("Text", text="low"),
        "9": node("LoadImage", image="example.png"),
        "10": node("SaveImage", images=["9", 0], filename_prefix="x"),
    }


def job_of(folder: Path, **members: object) -> RenderJob:
    """A job whose brief is parsed from JSON."""
    return job(parse_brief(Kind.IMAGE, json.dumps({"prompt": "a lake"} | members)).unwrap(), folder)


def bound_inputs(
    folder: Path, types: dict[Target, InputType] | None, **members: object
) -> dict[str, Any]:
    """The inputs of the sampler, and the quality."""
    workflow = loaded(folder, graph(), INPUTS)
    nodes = bind(workflow, job_of(folder, **members), "x", types).unwrap().graph
    return {**nodes["5"]["inputs"], "quality": nodes["8"]["inputs"]["text"]}


def refusal(folder: Path, **technical: object) -> Failure:
    """The reason why a value is not sent."""
    workflow = loaded(folder, graph(), INPUTS)
    return bind(workflow, job_of(folder, technical_params=technical), "x", TYPES).failure()


def test_paths_and_defaults_reach_their_inputs(tmp_path: Path) -> None:
    """Converted to the input's type; a missing value becomes the default or the graph's."""
    written = {"Steps": "30", "sampler": "DPMPP_2M", "cfg": 7}
    inputs = bound_inputs(tmp_path, TYPES, technical_params=written, quality="best")
    assert (inputs["steps"], inputs["sampler_name"], inputs["cfg"]) == (30, "dpmpp_2m", 7)
    own = graph()["5"]["inputs"]
    inputs = bound_inputs(tmp_path, TYPES)
    assert (inputs["steps"], inputs["quality"]) == (12, "high")
    assert (inputs["sampler_name"], inputs["cfg"]) == (own["sampler_name"], own["cfg"])
    assert bound_inputs(tmp_path, None, technical_params={"cfg": "6.5"})["cfg"] == 6.5


@pytest.mark.parametrize(
    ("technical", "reason"),
    [
        ({"steps": "many"}, "technical_params.steps is 'many', which is not a whole number"),
        ({"steps": 99}, "technical_params.steps is 99, more than 60, the most"),
        ({"steps": 55}, "technical_params.steps: 55 is more than 50, the most that is allowed"),
        (
            {"sampler": "dpmpp_2"},
            (
                "technical_params.sampler is 'dpmpp_2', which the server does not offer:"
                " sampler_name is one of 'euler', 'dpmpp_2m'; the nearest is 'dpmpp_2m'"
            ),
        ),
    ],
)
def test_an_unsuitable_value_is_refused(
    tmp_path: Path, technical: dict[str, object], reason: str
) -> None:
    """With prompt, path, value and possible values; it is not adapted to the server."""
    failure = refusal(tmp_path, **technical)
    assert failure.code is FailureCode.BRIEF_VALUE
    assert failure.message.startswith(f"prompt 200: {reason}")


def test_a_lora_is_matched_with_an_installed_file(tmp_path: Path) -> None:
    """Without suffix and folder if the match is unique; never another one."""
    nodes = graph() | {"11": node("LoraLoader", lora_name="a.safetensors", model=["1", 0])}
    workflow = loaded(tmp_path, nodes, {"technical_params.lora": "11.lora_name"})
    installed = ("styles/Ink.safetensors", "oil.safetensors", "old/oil.ckpt")
    types = {Target("11", "lora_name"): InputType("COMBO", installed, {}, required=True)}
    sent: dict[str, str] = {}
    for name in ("ink", "styles/Ink.safetensors", "oil", "inky"):
        bound = bind(workflow, job_of(tmp_path, technical_params={"lora": name}), "x", types)
        done = is_successful(bound)
        sent[name] = (
            str(bound.unwrap().graph["11"]["inputs"]["lora_name"])
            if done
            else bound.failure().message
        )
    assert sent["ink"] == sent["styles/Ink.safetensors"] == "styles/Ink.safetensors"
    assert (
        "'oil', which the server does not offer: lora_name: 'oil' is not installed" in sent["oil"]
    )
    assert "ComfyUI's models/loras" in sent["inky"]
    assert "the nearest is 'styles/Ink.safetensors'" in sent["inky"]


def test_equal_values_have_equal_fingerprints(tmp_path: Path) -> None:
    """The values of paths are part of what a job asks for."""
    workflow = loaded(tmp_path, graph(), INPUTS)
    prints = [
        bind(workflow, job_of(tmp_path, technical_params={"steps": steps}), "x", TYPES).unwrap()
        for steps in (20, "20", 21)
    ]
    assert prints[0].fingerprint == prints[1].fingerprint != prints[2].fingerprint


def test_the_only_loader_gets_the_picture_where_that_is_allowed(tmp_path: Path) -> None:
    """Inferred with an input folder only, and for a single node only."""
    file = saved(tmp_path, graph())
    workflow = WorkflowSource(file, Kind.IMAGE, {}, pictures=True)().unwrap()
    assert workflow.targets["image"] == (Target("9", "image"),)
    with_picture = replace(job_of(tmp_path), pictures={"image": RED})
    assert (
        bind(workflow, with_picture, "x").unwrap().graph["9"]["inputs"]["image"] == RED.input_name
    )
    own = bind(workflow, job_of(tmp_path), "x").unwrap().graph["9"]["inputs"]["image"]
    assert own == "example.png"
    named = WorkflowSource(file, Kind.IMAGE, {"image": "9.image"})().unwrap()
    assert (named.targets["image"], named.paths["image"].type) == (
        (Target("9", "image"),),
        ValueType.IMAGE,
    )
    assert "image" not in WorkflowSource(file, Kind.IMAGE, {})().unwrap().targets
    twice = graph() | {"11": node("LoadImage", image="b.png")}
    twice["10"]["inputs"]["more"] = ["11", 0]
    file = saved(tmp_path, twice)
    assert "image" not in WorkflowSource(file, Kind.IMAGE, {}, pictures=True)().unwrap().targets


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"stepz": "5.steps"}, "is no field"),
        ({"a..b": "5.steps"}, "media.inputs.image: "),
        ({"a.b": {"input": "5.steps", "type": "int"}}, "the type 'int' is none of string, integer"),
        ({"a.b": {"input": "5.steps", "type": "integer", "default": "x"}}, "the default is 'x'"),
        ({"a.b": {"input": "5.stepz"}}, "has no input 'stepz'"),
    ],
)
def test_an_invalid_mapping_is_explained(
    tmp_path: Path, given: dict[str, Any], reason: str
) -> None:
    """In the terms of the configuration."""
    assert reason in why_not(tmp_path, graph(), given)


class Folder:
    """The input folder of a server.

    Attributes:
        name: of the server.
        client: its routes, which are this as well.
        files: sizes by path.
        uploads: number of the files that it was sent.
    """

    def __init__(self) -> None:
        self.name, self.client = "gpu1", self
        self.files: dict[str, int] = {}
        self.uploads = 0

    def has_input(self, name: str, size: int) -> bool:
        """Whether a file exists."""
        return self.files.get(name) == size

    def upload(self, name: str, content: bytes) -> str:
        """Upload a file like ComfyUI: under another name if the name is taken."""
        self.uploads += 1
        if name in self.files:
            name = name.replace(".png", " (1).png")
        self.files[name] = len(content)
        return name


def test_a_picture_is_uploaded_once_and_again_when_it_is_missing(tmp_path: Path) -> None:
    """Another file with its name is neither replaced nor used."""
    server, uploads = Folder(), PictureUploads()
    workflow = WorkflowSource(saved(tmp_path, graph()), Kind.IMAGE, {}, pictures=True)().unwrap()
    nodes = bind(workflow, job_of(tmp_path), "x").unwrap().graph
    for count in (1, 1):
        uploads.place(server, workflow, nodes, {"image": RED})  # type: ignore[arg-type]
        assert (server.uploads, nodes["9"]["inputs"]["image"]) == (count, RED.input_name)
    server.files[RED.input_name] = 99
    for _ in range(2):
        uploads.place(server, workflow, nodes, {"image": RED})  # type: ignore[arg-type]
    other = RED.input_name.replace(".png", " (1).png")
    assert (server.uploads, nodes["9"]["inputs"]["image"]) == (2, other)
    server.files.clear()
    uploads.place(server, workflow, nodes, {"image": RED})  # type: ignore[arg-type]
    assert (server.uploads, nodes["9"]["inputs"]["image"]) == (3, RED.input_name)
