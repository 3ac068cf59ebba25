"""The names in the configuration file: ours, other programs', and misspelt ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.resolution import render_settings_name
from tests.settings_places import Place, make_place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with a configuration file."""
    return make_place(tmp_path)


def test_sections_of_other_programs_get_a_note(place: Place) -> None:
    """Contract, section 6; "workflows" must not pass for a misspelt "workers"."""
    loaded = place.load({"ui": {"theme": 1}, "workflows": [], "poets": 3, "meta": {}})
    assert [note.split('"')[1] for note in loaded.notes] == ["ui", "workflows", "poets", "meta"]
    assert str(place.file) in loaded.notes[0]


def test_remarks_are_read_over_in_silence(place: Place) -> None:
    """JSON has no comments, so people put them under such names."""
    assert place.load({"$schema": "x", "comment": 1, "_old": {}}).notes == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("databse", '"database"'),
        ("comfyUI", '"comfyui"'),
        ("Media", '"media"'),
        ("hook", '"hooks"'),
        ("database.path", '{"database": {"path": ...}}'),
    ],
)
def test_a_misspelt_section_is_an_error_that_says_what_was_meant(
    place: Place, name: str, meant: str
) -> None:
    """Taken for somebody else's, its values would be lost without a word."""
    error = place.refuse({name: {}})
    assert error.problems[0].key == name
    assert meant in error.problems[0].fix


@pytest.mark.parametrize("section", ["workers", "web", "hooks", "logging", "paths"])
def test_an_empty_section_is_fine_and_an_unknown_key_in_it_is_not(
    place: Place, section: str
) -> None:
    """They are ours, so that a key that we do not know is a mistake."""
    place.load({section: {}})
    error = place.refuse({section: {"x": 1}})
    assert str(error.problems[0]).startswith(f'{place.file}: "{section}.x" is not a known setting')
    assert error.problems[0].fix.startswith("Known here: ")


def test_a_section_must_be_an_object(place: Place) -> None:
    """Null and lists are told apart from objects."""
    error = place.refuse({"database": None, "media": {"size": [1]}})
    assert [problem.key for problem in error.problems] == ["database", "media.size"]
    assert "database is null, but must be an object" in str(error)


@pytest.mark.parametrize(
    ("tree", "key", "fix"),
    [
        ({"database": {"time_out": 3}}, "database.time_out", '"timeout"'),
        ({"comfyui": {"queueSize": 3}}, "comfyui.queueSize", '"queue_size"'),
        ({"media": {"variant": "all"}}, "media.variant", '"variants"'),
        ({"media": {"queue_size": 1}}, "media.queue_size", '"comfyui.queue_size"'),
        ({"media": {"scripts": {"audio": "x"}}}, "media.scripts.audio", "image, music"),
        ({"media": {"scripts.image": "x"}}, "media.scripts.image", '{"media": {"scripts": '),
    ],
)
def test_an_unknown_key_of_ours_is_an_error_with_a_suggestion(
    place: Place, tree: object, key: str, fix: str
) -> None:
    """The nearest key of the same object, else the same key elsewhere, else all there are."""
    error = place.refuse(tree)
    assert [problem.key for problem in error.problems] == [key]
    assert fix in error.problems[0].fix


def test_everything_that_is_wrong_is_told_at_once(place: Place) -> None:
    """File, environment and options, names and values, in one message."""
    place.environ = {"MEDIA_GENERATOR_DATABASE__TIMEOUT": "-1"}
    place.overrides = {"comfyui.grace_seconds": "soon"}
    error = place.refuse({"databse": {}, "comfyui": {"queue_size": 0, "hots": "x"}})
    assert {problem.key for problem in error.problems} == {
        "databse",
        "database.timeout",
        "comfyui.grace_seconds",
        "comfyui.queue_size",
        "comfyui.hots",
    }
    assert str(error).startswith("5 problems with the settings:\n  - ")


def test_an_unreadable_file_does_not_hide_a_wrong_variable(place: Place) -> None:
    """Both are told, so that both can be mended."""
    place.environ = {"MEDIA_GENERATOR_DATABASE__TIMEOUT": "-1"}
    assert len(place.refuse("{").problems) == 2


def test_paths_of_a_brief_may_stand_beside_its_fields(place: Place) -> None:
    """With dots in their names, in every source; an object stays whole."""
    steps = {"input": "3.steps", "type": "integer", "default": 20}
    inputs = {"prompt": "6.text", "technical_params.steps": steps, "lora": {"input": "5.name"}}
    place.environ["MEDIA_GENERATOR_MEDIA__INPUTS__IMAGE__TECHNICAL_PARAMS__CFG"] = "3.cfg"
    name = "MEDIA_GENERATOR_MEDIA__ARGUMENTS__AUDIO__A__B"
    place.environ[name] = '{"argument": "--x", "default": true}'
    loaded = place.load({"media": {"inputs": {"image": inputs}}})
    assert loaded.settings.media.inputs.image == inputs | {"technical_params.cfg": "3.cfg"}
    assert loaded.settings.media.arguments.audio == {"a.b": {"argument": "--x", "default": True}}
    assert str(loaded.provenance["media.inputs.image.technical_params.steps"]) == str(place.file)
    assert "media.inputs.image.technical_params.cfg" in render_settings_name(loaded)


@pytest.mark.parametrize(
    ("name", "entry", "problem"),
    [
        ("a.b", "3steps", "is not a node and an input joined by a dot"),
        ("a..b", "3.steps", "expected a name, a dot or an index at '..b'"),
        ("a.b", {"type": "integer"}, 'it needs "input"'),
        ("a.b", {"input": "3.steps", "type": "int"}, "the type 'int' is none of"),
        ("a.b", {"input": "3.steps", "defalt": 1}, '"defalt" is not known'),
        ("a.b", {"input": "3.x", "type": "integer", "default": "many"}, "the default is 'many'"),
        ("a.b", {"input": "3.x", "type": "number", "min": 5, "max": 2}, "min is 5, more than max"),
        ("a.b", {"input": "3.x", "type": "string", "max": 2}, "max is of no use"),
        (
            "a.b",
            {"input": "3.x", "type": "number", "max": 2, "default": 3},
            "more than 2, the most",
        ),
        ("quality", {"input": "3.x", "type": "string"}, 'takes only "input" and "default"'),
        ("a.b", 7, "must be an input of a node"),
    ],
)
def test_a_path_that_errs_is_explained(
    place: Place, name: str, entry: object, problem: str
) -> None:
    """In the settings, before anything is claimed."""
    error = place.refuse({"media": {"inputs": {"image": {name: entry}}}})
    assert problem in error.problems[0].what
    assert error.problems[0].key == f"media.inputs.image.{name}"
