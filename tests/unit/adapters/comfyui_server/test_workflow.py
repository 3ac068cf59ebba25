"""A job's values stand in a copy of the graph, and nothing else of it changes."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_server.workflow import bind, passes
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.kind import Kind
from tests.unit.adapters.comfyui_server.graphs import (
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

PREFIX = "mediagen/7"


def test_a_pictures_values_reach_their_inputs(tmp_path: Path) -> None:
    """Text as text, numbers as numbers; the rest stands as it was exported."""
    graph = example_graph("text_to_image")
    bound = bind(loaded(tmp_path, graph), picture(tmp_path, "a lake", "crowds"), PREFIX).unwrap()
    expected = copy.deepcopy(graph)
    expected["2"]["inputs"]["text"] = "a lake"
    expected["3"]["inputs"]["text"] = "crowds"
    expected["4"]["inputs"] |= {"width": 768, "height": 1024}
    expected["5"]["inputs"]["seed"] = 42
    expected["7"]["inputs"]["filename_prefix"] = PREFIX
    assert bound.graph == expected


def test_a_songs_values_reach_their_inputs(tmp_path: Path) -> None:
    """Lyrics, tags and seconds."""
    workflow = loaded(tmp_path, example_graph("ace_step_song"), kind=Kind.AUDIO)
    graph = bind(workflow, job(SONG, tmp_path), PREFIX).unwrap().graph
    assert graph["3"]["inputs"]["tags"] == "indie folk, warm"
    assert graph["3"]["inputs"]["lyrics"] == "[VERSE]\nSteam ascends\n"
    assert graph["5"]["inputs"]["seconds"] == 95.5
    assert graph["6"]["inputs"]["seed"] == 42
    assert graph["8"]["inputs"]["filename_prefix"] == PREFIX


def test_what_the_brief_does_not_say_leaves_the_workflows_own(tmp_path: Path) -> None:
    """But a blank negative prompt is one."""
    graph = example_graph("text_to_image") | {"8": node("Note", style="oils", seconds=3)}
    workflow = loaded(tmp_path, graph, {"style_tags": "8.style"})
    assert (
        bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["8"]["inputs"]["style"] == "oils"
    )
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["3"]["inputs"]["text"] == ""
    styled = job(ImageBrief(prompt="a lake", style_tags=("ink", "wash")), tmp_path)
    assert bind(workflow, styled, PREFIX).unwrap().graph["8"]["inputs"]["style"] == "ink, wash"


def test_a_song_of_no_given_length_keeps_the_workflows(tmp_path: Path) -> None:
    """120 seconds, as the example has it."""
    workflow = loaded(tmp_path, example_graph("ace_step_song"), kind=Kind.AUDIO)
    graph = bind(workflow, job(replace(SONG, seconds=None), tmp_path), PREFIX).unwrap().graph
    assert graph["5"]["inputs"]["seconds"] == 120.0


@pytest.mark.parametrize(
    ("tempo", "expected"), [("92 BPM", 92), ("92.5", 92.5), ("slow", 120), ("90-100 BPM", 120)]
)
def test_a_text_for_a_number_counts_when_it_holds_one(
    tmp_path: Path, tempo: str, expected: float
) -> None:
    """Anything else leaves the workflow's own number."""
    graph = example_graph("ace_step_song") | {"9": node("Beat", bpm=120)}
    workflow = loaded(tmp_path, graph, {"tempo": "9.bpm"}, Kind.AUDIO)
    bound = bind(workflow, job(replace(SONG, tempo=tempo), tmp_path), PREFIX).unwrap()
    assert bound.graph["9"]["inputs"]["bpm"] == expected


def test_a_number_for_a_text_is_written_out(tmp_path: Path) -> None:
    """An input that holds text gets text."""
    graph = example_graph("text_to_image") | {"8": node("Note", text="")}
    workflow = loaded(tmp_path, graph, {"prompt_id": "8.text"})
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["8"]["inputs"]["text"] == "200"


def test_two_jobs_never_share_what_they_change(tmp_path: Path) -> None:
    """Each has inputs of its own, and the workflow stays as it was read."""
    workflow = loaded(tmp_path, example_graph("text_to_image"))
    first = bind(workflow, picture(tmp_path, "one"), PREFIX).unwrap().graph
    first["5"]["inputs"]["steps"] = "spoilt"
    second = bind(workflow, picture(tmp_path, "two"), PREFIX).unwrap().graph
    assert second["5"]["inputs"]["steps"] == example_graph("text_to_image")["5"]["inputs"]["steps"]
    assert workflow.graph == example_graph("text_to_image")


def test_the_fingerprint_ignores_only_what_makes_each_job_unique(tmp_path: Path) -> None:
    """Seed and prefix do not count; every word and every setting of the file does."""
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
    """No server takes a lone surrogate."""
    workflow = loaded(tmp_path, example_graph("text_to_image"))
    failure = bind(workflow, picture(tmp_path, "a\ud800lake"), PREFIX).failure()
    assert failure.code is FailureCode.BRIEF_UNUSABLE
    assert "'prompt'" in failure.message
    assert "position 1" in failure.message


def test_a_workflow_that_is_told_nothing_is_refused(tmp_path: Path) -> None:
    """It would make the same picture of every prompt, unless that is what is asked for."""
    graph = {"1": node("EmptyImage", color=1), "2": node("SaveImage", images=["1", 0])}
    message = why_not(tmp_path, graph)
    assert "media.inputs.image.prompt" in message
    assert "no sampler" in message
    workflow = loaded(tmp_path, graph, {"prompt": None, "seed": "1.color"})
    assert bind(workflow, picture(tmp_path), PREFIX).unwrap().graph["1"]["inputs"]["color"] == 42
    assert passes(workflow, "seed")
    assert not passes(workflow, "width")
