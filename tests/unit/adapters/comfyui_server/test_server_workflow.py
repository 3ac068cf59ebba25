"""A job's values are set in a copy of the graph, and nothing else changes."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_graph.validation import validate
from adapters.comfyui_server.server_workflow import bind, input_types
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import (
    SONG,
    example_graph,
    job,
    loaded,
    node,
    picture,
    why_not,
)

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_server.server_workflow import ServerWorkflow


PREFIX = "mediagen/7"
NUMBER = {"n": ["INT", {"min": 1, "max": 9}]}


def test_a_pictures_values_reach_their_inputs(tmp_path: Path) -> None:
    """Text as text, numbers as numbers; the rest stays as it was exported."""
    graph = example_graph("text_to_image")
    bound = bind(loaded(tmp_path, graph), picture(tmp_path, "a lake", "crowds"), PREFIX).unwrap()
    expected = copy.deepcopy(graph)
    expected["2"]["inputs"]["text"] = "a lake"
    expected["3"]["inputs"]["text"] = "crowds"
    expected["4"]["inputs"] |= {"width": 768, "height": 1024}
    expected["5"]["inputs"]["seed"] = 42
    expected["7"]["inputs"]["filename_prefix"] = PREFIX
    assert bound.graph == expected


def test_a_custom_saving_node_gets_a_name_without_a_folder(tmp_path: Path) -> None:
    """It may not create one; the name still contains the job's."""
    graph = example_graph("text_to_image")
    graph["7"] = node("Image Saver", images=["6", 0], filename="%time", extension="png")
    bound = bind(loaded(tmp_path, graph), picture(tmp_path), PREFIX).unwrap()
    assert bound.graph["7"]["inputs"]["filename"] == "mediagen_7"


def test_a_songs_values_reach_their_inputs(tmp_path: Path) -> None:
    """Lyrics, tags and seconds."""
    workflow = loaded(tmp_path, example_graph("ace_step_song"), kind=Kind.AUDIO)
    graph = bind(workflow, job(SONG, tmp_path), PREFIX).unwrap().graph
    assert graph["3"]["inputs"]["tags"] == "indie folk, warm"
    assert graph["3"]["inputs"]["lyrics"] == "[VERSE]\nSteam ascends\n"
    assert graph["5"]["inputs"]["seconds"] == 95.5
    assert graph["6"]["inputs"]["seed"] == 42
    assert graph["8"]["inputs"]["filename_prefix"] == PREFIX


def test_missing_fields_keep_the_workflows_values(tmp_path: Path) -> None:
    """Including the negative prompt, unless the settings clear it."""
    graph = example_graph("text_to_image") | {"8": node("Note", style="oils", seconds=3)}
    workflow = loaded(tmp_path, graph, {"style_tags": "8.style"})
    assert (
        bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["8"]["inputs"]["style"] == "oils"
    )
    own = graph["3"]["inputs"]["text"]
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["3"]["inputs"]["text"] == own
    emptied = replace(workflow, keep_negative_prompt=False)
    assert bind(emptied, picture(tmp_path), PREFIX).unwrap().graph["3"]["inputs"]["text"] == ""
    styled = job(ImageBrief(prompt="a lake", style_tags=("ink", "wash")), tmp_path)
    assert bind(workflow, styled, PREFIX).unwrap().graph["8"]["inputs"]["style"] == "ink, wash"


def test_a_song_without_a_length_keeps_the_workflows(tmp_path: Path) -> None:
    """120 seconds, as in the example."""
    workflow = loaded(tmp_path, example_graph("ace_step_song"), kind=Kind.AUDIO)
    graph = bind(workflow, job(replace(SONG, seconds=None), tmp_path), PREFIX).unwrap().graph
    assert graph["5"]["inputs"]["seconds"] == 120.0


@pytest.mark.parametrize(
    ("tempo", "expected"), [("92 BPM", 92), ("92.5", 92.5), ("slow", 120), ("90-100 BPM", 120)]
)
def test_a_text_for_a_number_counts_if_it_contains_one(
    tmp_path: Path, tempo: str, expected: float
) -> None:
    """Any other text keeps the workflow's own number."""
    graph = example_graph("ace_step_song") | {"9": node("Beat", bpm=120)}
    workflow = loaded(tmp_path, graph, {"tempo": "9.bpm"}, Kind.AUDIO)
    bound = bind(workflow, job(replace(SONG, tempo=tempo), tmp_path), PREFIX).unwrap()
    assert bound.graph["9"]["inputs"]["bpm"] == expected


def ace_step(folder: Path) -> ServerWorkflow:
    """A graph for ACE-Step 1.5, with the length linked from a separate node."""
    own = {"bpm": 120, "keyscale": "E minor", "timesignature": "4", "language": "en"}
    graph = example_graph("ace_step_song")
    inputs = graph["3"]["inputs"] | own | {"duration": 120.0, "seed": 1}
    graph["3"] = {"class_type": "TextEncodeAceStepAudio1.5", "inputs": inputs}
    return loaded(folder, graph, kind=Kind.AUDIO)


ACE_STEP_INFO = {
    "TextEncodeAceStepAudio1.5": {
        "input": {
            "required": {
                "tags": ["STRING", {}],
                "bpm": ["INT", {"min": 10, "max": 300}],
                "keyscale": ["COMBO", {"options": ["D minor", "E minor"]}],
                "timesignature": ["COMBO", {"options": ["2", "3", "4", "6"]}],
                "language": ["COMBO", {"options": ["de", "en"]}],
                "duration": ["FLOAT", {"min": 0.0, "max": 2000.0}],
            }
        }
    },
    "EmptyAceStepLatentAudio": {
        "input": {"required": {"seconds": ["FLOAT", {"min": 1.0, "max": 1000.0}]}}
    },
}


def test_the_fields_of_a_song_become_choices(tmp_path: Path) -> None:
    """In the server's notation, or that of the current values without a server."""
    workflow = ace_step(tmp_path)
    song = replace(SONG, key="Dm", time_signature="3/4", language="German")
    for types in ({}, input_types(workflow, ACE_STEP_INFO)):
        bound = bind(workflow, job(song, tmp_path), PREFIX, types).unwrap()
        inputs = bound.graph["3"]["inputs"]
        assert inputs["bpm"] == 92
        assert inputs["keyscale"] == "D minor"
        assert inputs["timesignature"] == "3"
        assert inputs["language"] == "de"
        assert not bound.notes


def test_values_that_a_server_refuses_are_changed_with_a_note(tmp_path: Path) -> None:
    """The song has the maximum length; an invalid key keeps the workflow's."""
    workflow = ace_step(tmp_path)
    song = replace(SONG, seconds=1200.0, key="atonal")
    bound = bind(workflow, job(song, tmp_path), PREFIX, input_types(workflow, ACE_STEP_INFO))
    graph, notes = bound.unwrap().graph, bound.unwrap().notes
    assert graph["5"]["inputs"]["seconds"] == 1000.0
    assert graph["3"]["inputs"]["duration"] == 1200.0
    assert graph["3"]["inputs"]["keyscale"] == "E minor"
    assert ["seconds" in note for note in notes].count(True) == 1
    assert any("atonal" in note for note in notes)
    # Another server may accept it: the request is the same.
    assert bind(workflow, job(song, tmp_path), "x").unwrap().fingerprint == (
        bound.unwrap().fingerprint
    )


def test_a_value_replaces_a_link(tmp_path: Path) -> None:
    """Text as text, a number as a number."""
    graph = example_graph("text_to_image")
    graph["2"]["inputs"]["text"] = ["8", 0]
    graph["4"]["inputs"]["width"] = ["9", 0]
    graph["8"] = node("Florence2Run", image=["6", 0])
    graph["9"] = node("ResolutionSelector", aspect_ratio="1:1 (Square)", megapixels=1.0)
    bound = bind(loaded(tmp_path, graph), picture(tmp_path, "a lake"), PREFIX).unwrap().graph
    assert bound["2"]["inputs"]["text"] == "a lake"
    assert bound["4"]["inputs"]["width"] == 768


@pytest.mark.parametrize(
    ("class_type", "own"),
    [
        ("ttN pipeKSampler_v2", "save_prefix"),
        ("easy fullkSampler", "save_prefix"),
        ("SaveImageToFileName", "file_name"),
        ("PZ_SaveImage", "file_prefix"),
        ("SmartSaveNode", "prefix"),
    ],
)
def test_saving_nodes_have_different_inputs_for_the_name(
    tmp_path: Path, class_type: str, own: str
) -> None:
    """A loading node has such an input, too, and keeps its value."""
    graph = example_graph("text_to_image")
    named: dict[str, Any] = {own: "own"}
    graph["8"] = node("ImageLoader", **{own.replace("save_", "file_"): "own"})
    graph["9"] = node(class_type, images=["6", 0], mask=["8", 1], **named)
    bound = bind(loaded(tmp_path, graph), picture(tmp_path), PREFIX).unwrap().graph
    assert bound["9"]["inputs"][own] == "mediagen_7"
    assert "own" in bound["8"]["inputs"].values()


def test_inputs_of_a_choice_are_kept_within_its_bounds(tmp_path: Path) -> None:
    """Their names have a dot, and the limits are those of the chosen option."""
    graph = example_graph("text_to_image")
    own: dict[str, Any] = {"size": "exact", "size.width": 64, "size.height": 64, "batch_size": 1}
    graph["4"] = node("Sized", **own)
    sides = {name: ["INT", {"min": 16, "max": 512}] for name in ("width", "height")}
    options = [
        {"key": "other", "inputs": {"required": {"width": ["INT", {"max": 9}]}}},
        {"key": "exact", "inputs": {"required": {"width": sides["width"]}, "optional": sides}},
    ]
    size = ["COMFY_DYNAMICCOMBO_V3", {"options": options}]
    info: dict[str, Any] = {"Sized": {"input": {"required": {"size": size}}, "output": ["LATENT"]}}
    inputs = {"width": "4.size.width", "height": "4.size.height"}
    workflow = loaded(tmp_path, graph, inputs)
    bound = bind(workflow, picture(tmp_path), PREFIX, input_types(workflow, info)).unwrap()
    assert bound.graph["4"]["inputs"] == own | {"size.width": 512, "size.height": 512}
    assert len(bound.notes) == 2


def test_inputs_of_a_choice_are_checked_like_others() -> None:
    """By the chosen option, also within another choice; growing groups have one type."""
    inner = ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "b", "inputs": {"required": NUMBER}}]}]
    outer = {"options": [{"key": "a", "inputs": {"optional": {"inner": inner}}}]}
    grown = {"template": {"input": {"required": NUMBER}, "prefix": "n"}}
    required = {"outer": ["COMFY_DYNAMICCOMBO_V3", outer], "more": ["COMFY_AUTOGROW_V3", grown]}
    info = {"Chooser": {"input": {"required": required}, "output_node": True}}
    fine: dict[str, Any] = {
        "outer": "a",
        "outer.inner": "b",
        "outer.inner.n": 5,
        "more.n0": 5,
        "more.n1": 5,
    }
    assert not validate({"1": node("Chooser", **fine)}, info)
    wrong = fine | {"outer.inner.n": 10, "more.n1": 0, "outer.gone": 99, "odd.n": 99}
    problems = validate({"1": node("Chooser", **wrong)}, info)
    assert {problem.input for problem in problems} == {"outer.inner.n", "more.n1"}


def test_every_saving_node_gets_its_own_name(tmp_path: Path) -> None:
    """A custom one without a folder, the standard one with it."""
    graph = example_graph("text_to_image")
    graph["0"] = node("Image Saver", images=["6", 0], filename="%time", extension="png")
    bound = bind(loaded(tmp_path, graph), picture(tmp_path), PREFIX).unwrap().graph
    assert bound["0"]["inputs"]["filename"] == "mediagen_7"
    assert bound["7"]["inputs"]["filename_prefix"] == PREFIX


def test_a_number_for_a_text_input_becomes_text(tmp_path: Path) -> None:
    """The input of a text gets text."""
    graph = example_graph("text_to_image") | {"8": node("Note", text="")}
    workflow = loaded(tmp_path, graph, {"prompt_id": "8.text"})
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["8"]["inputs"]["text"] == "200"


def test_two_jobs_never_share_changed_inputs(tmp_path: Path) -> None:
    """Each has its own inputs, and the workflow stays as it was read."""
    workflow = loaded(tmp_path, example_graph("text_to_image"))
    first = bind(workflow, picture(tmp_path, "one"), PREFIX).unwrap().graph
    first["5"]["inputs"]["steps"] = "spoilt"
    second = bind(workflow, picture(tmp_path, "two"), PREFIX).unwrap().graph
    assert second["5"]["inputs"]["steps"] == example_graph("text_to_image")["5"]["inputs"]["steps"]
    assert workflow.graph == example_graph("text_to_image")


def test_the_fingerprint_ignores_only_what_makes_each_job_unique(tmp_path: Path) -> None:
    """Seed and prefix do not count; every other value of the file does."""
    graph = example_graph("text_to_image")
    workflow = loaded(tmp_path, graph)
    asked = bind(workflow, picture(tmp_path), PREFIX).unwrap().fingerprint
    again = bind(workflow, job(picture(tmp_path).brief, tmp_path, 7), "other/8").unwrap()
    assert again.fingerprint == asked
    assert len(asked) == 64
    other = bind(workflow, picture(tmp_path, "a lake."), PREFIX).unwrap().fingerprint
    graph["5"]["inputs"]["steps"] = 26
    finer = bind(loaded(tmp_path, graph), picture(tmp_path), PREFIX).unwrap().fingerprint
    graph["5"]["inputs"]["steps"] = 25
    graph["7"]["class_type"] = "SaveImageElsewhere"
    elsewhere = bind(loaded(tmp_path, graph), picture(tmp_path), PREFIX).unwrap().fingerprint
    assert len({asked, other, finer, elsewhere}) == 4


def test_half_a_character_is_the_briefs_own_fault(tmp_path: Path) -> None:
    """No server accepts a lone surrogate."""
    workflow = loaded(tmp_path, example_graph("text_to_image"))
    failure = bind(workflow, picture(tmp_path, "a\ud800lake"), PREFIX).failure()
    assert failure.code is FailureCode.BRIEF_UNUSABLE
    assert "'prompt'" in failure.message
    assert "position 1" in failure.message


def test_a_workflow_without_mapped_fields_is_refused(tmp_path: Path) -> None:
    """It would make the same picture of every prompt, unless that is intended."""
    graph = {"1": node("EmptyImage", color=1), "2": node("SaveImage", images=["1", 0])}
    message = why_not(tmp_path, graph)
    assert "media.inputs.image.prompt" in message
    assert "no sampler" in message
    workflow = loaded(tmp_path, graph, {"prompt": None, "seed": "1.color"})
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["1"]["inputs"]["color"] == 42
    assert "seed" in workflow.targets
    assert "width" not in workflow.targets
