"""A workflow is compared with a server's descriptions of its node types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_graph.graph import Target
from adapters.comfyui_graph.node_types import replaced_type
from adapters.comfyui_graph.validation import (
    foreign_inputs,
    offline_notes,
    validate,
    validate_offline,
)
from adapters.comfyui_graph.workflow_file import load_workflow
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.recordings import NAMES, NOT_EXECUTED, recording
from tests.unit.adapters.comfyui_graph.graphs import example_graph, node, saved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.comfyui_graph.graph import Problem


INSTALLED = ["tiny-random-sd15.safetensors", "sd_xl_base_1.0.safetensors"]
INFO: dict[str, Any] = {name: each.info(INSTALLED) for name, each in NODE_TYPES.items()}
RECORDED = [name for name in NAMES if not name.startswith("val_") and name not in NOT_EXECUTED]
MAKING_NEITHER = {"preview_any", "save_latent", "save_video"}  # text, a latent, a video
OWN = {
    "Made": {"input": {}, "output": ["IMAGE", "MASK,IMAGE", ["a", "b"], "*"], "output_node": True},
}


def taking(*spec: object, group: str = "required") -> dict[str, Any]:
    """A server's description of a node ``Shown`` with one input ``x``."""
    shown = {"input": {group: {"x": list(spec)}}, "output": [], "output_node": True}
    return {**OWN, "Shown": shown}


def messages(findings: Sequence[Problem]) -> str:
    """All messages as printed."""
    return "\n".join(f"{finding.code}: {finding}" for finding in findings)


@pytest.mark.parametrize("name", RECORDED)
def test_graphs_that_a_real_server_accepted_are_valid(name: str) -> None:
    """No recorded graph that ran has a problem, with a server or without."""
    graph = recording(name)["request"]["prompt"]
    assert validate(graph, INFO) == []
    kinds = {Kind.AUDIO} if name.startswith("audio_") else {Kind.IMAGE}
    made = set() if name in MAKING_NEITHER else kinds
    assert {kind for kind in Kind if validate_offline(graph, kind) == []} == made
    assert {kind for kind in Kind if validate(graph, INFO, kind) == []} == made


@pytest.mark.parametrize("name", ["text_to_image", "ace_step_song"])
def test_the_examples_are_fine(name: str) -> None:
    """Except for a model that is not installed."""
    graph = example_graph(name)
    info = {each: NODE_TYPES[each].info([graph["1"]["inputs"]["ckpt_name"]]) for each in INFO}
    assert validate(graph, info) == []
    (finding,) = validate(graph, {each: NODE_TYPES[each].info([]) for each in INFO})
    assert finding.code is FailureCode.MODEL_MISSING


# The recorded refusal, then the node, the code, and words of the problem.
REFUSED = [
    ("val_bad_link_node", "4", FailureCode.GRAPH_REJECTED, "images: it is linked to node 77"),
    ("val_bad_link_type", "2", FailureCode.GRAPH_REJECTED, "it takes IMAGE, but node 1"),
    ("val_ckpt_not_in_list", "1", FailureCode.MODEL_MISSING, "ComfyUI's models/checkpoints"),
    ("val_cycle", "2", FailureCode.GRAPH_REJECTED, "a circle"),
    ("val_missing_input", "2", FailureCode.GRAPH_REJECTED, "image: the input is missing"),
    ("val_no_outputs", "", FailureCode.WRONG_MEDIA, "no output node"),
    ("val_partial", "5", FailureCode.GRAPH_REJECTED, "images: it is linked to node 77"),
    ("val_unknown_class", "9", FailureCode.NODE_MISSING, "'NoSuchNode'"),
    ("val_value_too_big", "1", FailureCode.GRAPH_REJECTED, "99999999 is more than 16384"),
    ("val_wrong_type", "1", FailureCode.GRAPH_REJECTED, "'abc' is no whole number"),
]
UNREADABLE = ["val_bad_json", "val_empty_prompt", "val_missing_class_type", "val_no_prompt"]


@pytest.mark.parametrize(("name", "node_id", "code", "words"), REFUSED)
def test_graphs_that_a_real_server_refused_are_invalid(
    name: str, node_id: str, code: FailureCode, words: str
) -> None:
    """At the node that the server named, if it named one."""
    said = recording(name)
    first = validate(said["request"]["prompt"], INFO)[0]
    assert (first.node_id, first.code) == (node_id, code)
    assert words in first.message
    named = said["response"]["node_errors"]
    assert not named or node_id in named


@pytest.mark.parametrize("name", [*UNREADABLE, "val_ui_format"])
def test_the_other_refusals_are_no_workflows_at_all(tmp_path: Path, name: str) -> None:
    """Their files are refused when they are read."""
    failure = load_workflow(saved(tmp_path, recording(name)["request"])).failure()
    assert failure.code is FailureCode.WORKFLOW_UNUSABLE


def test_every_recorded_refusal_is_compared() -> None:
    """A new recording is not overlooked."""
    compared = {name for name, *_ in REFUSED} | {*UNREADABLE, "val_ui_format"}
    assert compared == {name for name in NAMES if name.startswith("val_")}


def test_a_missing_model_is_fully_described() -> None:
    """Which file, which input, which folder, installed models, and similar names."""
    graph = example_graph("text_to_image")
    graph["1"]["inputs"]["ckpt_name"] = "sdxl\\SD_XL_base_1.0.safetensors"
    (finding,) = validate(graph, INFO)
    assert (finding.node_id, finding.title, finding.input) == ("1", "Checkpoint", "ckpt_name")
    for part in [
        "ckpt_name",
        "SD_XL_base_1.0.safetensors",
        "models/checkpoints",
        "'tiny-random-sd15.safetensors'",
        "the nearest is 'sd_xl_base_1.0.safetensors'",
    ]:
        assert part in finding.message


@pytest.mark.parametrize(
    ("class_type", "name", "folder"),
    [
        ("DualCLIPLoader", "clip_name2", "models/text_encoders"),
        ("CLIPVisionLoader", "clip_name", "models/clip_vision"),
        ("UpscaleModelLoader", "model_name", "models/upscale_models"),
        ("Loader", "file", "the folder from which this node loads"),
    ],
)
def test_models_belong_in_folders(class_type: str, name: str, folder: str) -> None:
    """By the name of the input, or of the node if that is not enough."""
    graph = {"1": node(class_type, **{name: "x.gguf"})}
    info = {
        class_type: {"input": {"required": {name: [["y.gguf"]]}}, "output_node": True},
    }
    (finding,) = validate(graph, info)
    assert finding.code is FailureCode.MODEL_MISSING
    assert folder in finding.message


@pytest.mark.parametrize(
    ("spec", "value", "words"),
    [
        (("INT", {"min": 1, "max": 8}), 8, ""),
        (("INT", {"min": 1, "max": 8}), 0, "less than 1"),
        (("INT", {"min": 1, "max": 8}), "7", ""),
        (("INT",), None, "None is no whole number"),
        (("FLOAT", {"max": 1.0}), 1.5, "more than 1.0"),
        (("FLOAT",), "high", "'high' is no number"),
        (("STRING", {}), 5, ""),
        (("BOOLEAN", {}), "yes", ""),
        ((["a", "b"],), "b", ""),
        ((["euler", "heun"],), "eular", "not among 'euler', 'heun'; the nearest is 'euler'"),
        ((["a", "b", "c", "d", "e", "f", "g"],), "z", "and 2 more"),
        (("COMBO", {"options": ["a", "b"]}), "a", ""),
        (("COMBO", {"options": ["a", "b"]}), "c", "not among 'a', 'b'"),
        (("COMBO", {"options": [], "remote": {"route": "/x"}}), "c", ""),
        (("COMBO", {"options": ["a"], "multiselect": True}), {"__value__": ["a"]}, ""),
        (("COMBO",), "c", ""),
        (("COMBO", {"options": []}), "anything", ""),  # CustomCombo validates its own input
        (([],), "a.safetensors", "is not installed"),
        ((["a.png"], {"image_upload": True}), "sub/b.png", ""),
        (("IMAGE",), ["1", 0], ""),
        (("IMAGE",), ["1", 1], ""),
        (("MASK",), ["1", 0], "it takes MASK, but node 1 ('Made') gives IMAGE"),
        (("LATENT",), ["1", 3], ""),
        (("*",), ["1", 0], ""),
        (("COMFY_MATCHTYPE_V3",), ["1", 0], ""),
        ((["a", "b"],), ["1", 2], ""),
        (("STRING",), ["1", 2], ""),
        (("INT",), ["1", 2], "it takes INT"),
        (("COMBO", {"options": ["a"]}), ["1", 2], ""),
        (("IMAGE",), ["1", 4], "no output number 4"),
        (("IMAGE",), ["1"], "no link"),
        (("IMAGE",), ["7", 0], "node 7, which is not there"),
    ],
)
def test_inputs_must_have_their_types(spec: tuple[object, ...], value: object, words: str) -> None:
    """As ComfyUI converts and compares; unknown types count as valid."""
    graph = {"1": node("Made"), "2": node("Shown", x=value)}
    assert (words in messages(validate(graph, taking(*spec)))) if words else True
    assert bool(validate(graph, taking(*spec))) == bool(words)


def test_optional_inputs(tmp_path: Path) -> None:
    """Including those that a graph splits into several."""
    graph = {"2": node("Shown")}
    assert messages(validate(graph, taking("INT"))).endswith("x: the input is missing")
    assert validate(graph, taking("INT", group="optional")) == []
    assert validate(graph, taking("COMFY_AUTOGROW_V3")) == []


def test_nodes_that_lead_nowhere_are_not_validated() -> None:
    """A server ignores them as well, except for their types."""
    graph = example_graph("text_to_image") | {"8": node("KSampler", steps="many")}
    assert validate(graph, INFO) == []
    graph["9"] = node("KSampleer")
    (finding,) = validate(graph, INFO)
    assert "the nearest that it has is 'KSampler'" in finding.message


@pytest.mark.parametrize("info", [{}, {"Shown": None}, {"Shown": {"input": [], "output": {}}}])
def test_an_odd_response_is_no_crash(info: dict[str, Any]) -> None:
    """A server may send anything."""
    assert validate({"1": node("Shown", x=1)}, info)


def with_sampler(**inputs: object) -> dict[str, Any]:
    """The example with other inputs of its sampler."""
    graph = example_graph("text_to_image")
    graph["5"]["inputs"] |= inputs
    return graph


def test_a_list_in_an_input_that_a_node_does_not_have_is_fine() -> None:
    """A server ignores it; a list instead of a link is refused."""
    foreign = with_sampler(_widgets_values=["", "original"])
    assert validate(foreign, INFO) == validate_offline(foreign, Kind.IMAGE) == []
    listed = with_sampler(steps=[1, 2, 3])
    for findings in (validate(listed, INFO), validate_offline(listed, Kind.IMAGE)):
        (finding,) = findings
        assert (finding.input, finding.code) == ("steps", FailureCode.GRAPH_REJECTED)


def test_nulls_are_named_offline() -> None:
    """As a problem if the node certainly needs a value, otherwise as a note."""
    (finding,) = validate_offline(with_sampler(steps=None), Kind.IMAGE)
    assert (finding.node_id, finding.input) == ("5", "steps")
    assert "null" in finding.message
    harmless = example_graph("text_to_image") | {"8": node("Timer", widget=None)}
    assert validate_offline(harmless, Kind.IMAGE) == []
    assert offline_notes(harmless) == ["node 8 ('Timer'): the input 'widget' is null"]


def test_inputs_that_every_job_sets_are_not_validated() -> None:
    """A placeholder of a program that fills it in, and a link to a missing node type."""
    graph = with_sampler(seed="{{SEED}}", steps=["8", 0]) | {"8": node("PrimitiveString", value="")}
    info = {**INFO, "PrimitiveString": {"input": {}, "output": ["STRING"]}}
    assert {each.input for each in validate(graph, info)} == {"seed", "steps"}
    filled = {Target("5", "seed"), Target("5", "steps")}
    assert validate(graph, info, Kind.IMAGE, filled) == []
    assert validate_offline(graph, Kind.IMAGE, filled) == []


def test_a_type_that_the_server_replaces_is_not_missing() -> None:
    """Its inputs and outputs are unknown."""
    graph = example_graph("text_to_image")
    graph["8"] = node("ImageScaleBy", image=["6", 0], upscale_method="area", scale_by=2.0)
    graph["7"]["inputs"]["images"] = ["8", 0]
    replaced = replaced_type([{"new_node_id": "ResizeImageMaskNode"}])
    assert validate(graph, {**INFO, "ImageScaleBy": replaced}, Kind.IMAGE) == []
    (finding,) = validate(graph, INFO, Kind.IMAGE)
    assert finding.code is FailureCode.NODE_MISSING


def test_inputs_that_a_node_does_not_have_are_noted() -> None:
    """A public tool writes them; those with dots, and of custom nodes, may be right."""
    graph = example_graph("text_to_image")
    graph["1"]["inputs"] |= {"lora_name": "oils.safetensors", "upload": "image", "format.x": 1}
    loader = {**INFO["CheckpointLoaderSimple"], "python_module": "nodes"}
    core = {"CheckpointLoaderSimple": loader}
    (note,) = foreign_inputs(graph, core)
    assert "'lora_name'" in note
    assert "node 1" in note
    bare = {"CheckpointLoaderSimple": {**loader, "python_module": ""}}
    assert foreign_inputs(graph, bare) == []
    assert foreign_inputs(graph, bare, all_core=True) == [note]
    custom = {"CheckpointLoaderSimple": {**loader, "python_module": "custom_nodes.more"}}
    assert foreign_inputs(graph, custom) == []
    assert validate(graph, {**INFO, **core}, Kind.IMAGE) == []
