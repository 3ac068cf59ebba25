"""What the configuration says of inputs is understood, or explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.kind import Kind
from tests.unit.adapters.comfyui_server.graphs import example_graph, loaded, node, why_not

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_server.mapping import GivenInputs

GRAPH = {
    **example_graph("text_to_image"),
    "8": node("Note", "v1.5 notes", text="", **{"size.width": 64, "tiled": True, "gone": None}),
    "9": node("Note", "twice", text=""),
    "10": node("Note", "twice", text=""),
    "57:8": node("Note", "in a subgraph", text=""),
}


def targets(folder: Path, given: GivenInputs) -> dict[str, list[str]]:
    """The mapping as texts."""
    found = loaded(folder, GRAPH, given).targets
    return {field: [str(target) for target in each] for field, each in found.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("3.text", ["3.text"]),
        ("Negative prompt.text", ["3.text"]),
        ("v1.5 notes.text", ["8.text"]),
        ("8.size.width", ["8.size.width"]),
        ("v1.5 notes.size.width", ["8.size.width"]),
        ("57:8.text", ["57:8.text"]),
        (["2.text", "8.text"], ["2.text", "8.text"]),
        ("8.gone", ["8.gone"]),
    ],
)
def test_inputs_are_named_by_id_or_title(
    tmp_path: Path, words: str | list[str], expected: list[str]
) -> None:
    """Dots may stand in titles and in names of inputs."""
    assert targets(tmp_path, {"prompt": words})["prompt"] == expected


def test_null_and_an_empty_list_switch_a_proposal_off(tmp_path: Path) -> None:
    """The rest of the proposal stays."""
    found = targets(tmp_path, {"negative_prompt": None, "width": []})
    assert "negative_prompt" not in found
    assert "width" not in found
    assert found["height"] == ["4.height"]


def test_a_given_input_is_taken_from_whom_it_was_only_proposed(tmp_path: Path) -> None:
    """One input never gets two values."""
    found = targets(tmp_path, {"prompt": ["2.text", "3.text"]})
    assert "negative_prompt" not in found


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"promt": "2.text"}, ["'promt'", "no field", "'prompt'"]),
        ({"lyrics": "2.text"}, ["'lyrics'", "no field"]),
        ({"prompt": "text"}, ["media.inputs.image.prompt", "a dot"]),
        ({"prompt": ".text"}, ["no such node"]),
        ({"prompt": "99.text"}, ["no such node"]),
        ({"prompt": "Positiv prompt.text"}, ["no such node", "'Positive prompt'"]),
        ({"prompt": "twice.text"}, ["several nodes", "9, 10", "use an id"]),
        ({"prompt": "2.txt"}, ["node 2 ('Positive prompt')", "no input 'txt'", "it has text"]),
        ({"seed": "5.model"}, ["node 1 ('Checkpoint')", "of that one"]),
        ({"seed": "8.tiled"}, ["neither text nor a number"]),
        ({"prompt": "2.text", "mood": "2.text"}, ["'prompt'", "'mood'", "'2.text'"]),
    ],
)
def test_what_does_not_fit_is_explained(
    tmp_path: Path, given: GivenInputs, parts: list[str]
) -> None:
    """The message names the setting or the field, and what to write instead."""
    message = why_not(tmp_path, GRAPH, given)
    assert [part for part in parts if part not in message] == []


def test_the_fields_of_a_song_are_others(tmp_path: Path) -> None:
    """A picture's prompt is none of them."""
    message = why_not(tmp_path, example_graph("ace_step_song"), {"prompt": "3.tags"}, Kind.AUDIO)
    assert "media.inputs.audio names 'prompt'" in message
