"""Names in the configuration file: ours, other programs' and misspelt ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.resolution import render_settings_name
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def test_sections_of_other_programs_get_a_note(config: ConfigFolder) -> None:
    """Contract, section 6; "workflows" must not pass for a misspelt "workers"."""
    loaded = config.load({"ui": {"theme": 1}, "workflows": [], "poets": 3, "meta": {}})
    assert [note.split('"')[1] for note in loaded.notes] == ["ui", "workflows", "poets", "meta"]
    assert str(config.file) in loaded.notes[0]


def test_comments_are_ignored_without_a_note(config: ConfigFolder) -> None:
    """JSON has no comments, so users put them under such names."""
    assert config.load({"$schema": "x", "comment": 1, "_old": {}}).notes == ()


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
    config: ConfigFolder, name: str, meant: str
) -> None:
    """If it counted as another program's, its values would be ignored silently."""
    error = config.refuse({name: {}})
    assert error.problems[0].key == name
    assert meant in error.problems[0].fix


@pytest.mark.parametrize("section", ["workers", "web", "hooks", "logging", "paths"])
def test_an_empty_section_is_fine_and_an_unknown_key_in_it_is_not(
    config: ConfigFolder, section: str
) -> None:
    """These sections are ours, so an unknown key is an error."""
    config.load({section: {}})
    error = config.refuse({section: {"x": 1}})
    assert str(error.problems[0]).startswith(f'{config.file}: "{section}.x" is not a known setting')
    assert error.problems[0].fix.startswith("Known here: ")


def test_a_section_must_be_an_object(config: ConfigFolder) -> None:
    """Null and lists are not objects."""
    error = config.refuse({"database": None, "media": {"size": [1]}})
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
def test_an_unknown_key_in_our_sections_is_an_error_with_a_suggestion(
    config: ConfigFolder, tree: object, key: str, fix: str
) -> None:
    """Suggested is the nearest key of the object, else the same key elsewhere, else all keys."""
    error = config.refuse(tree)
    assert [problem.key for problem in error.problems] == [key]
    assert fix in error.problems[0].fix


def test_all_problems_are_reported_at_once(config: ConfigFolder) -> None:
    """File, environment and options, names and values, in one message."""
    config.environ = {"MEDIA_GENERATOR_DATABASE__TIMEOUT": "-1"}
    config.overrides = {"comfyui.grace_seconds": "soon"}
    error = config.refuse({"databse": {}, "comfyui": {"queue_size": 0, "hots": "x"}})
    assert {problem.key for problem in error.problems} == {
        "databse",
        "database.timeout",
        "comfyui.grace_seconds",
        "comfyui.queue_size",
        "comfyui.hots",
    }
    assert str(error).startswith("5 problems with the settings:\n  - ")


def test_an_unreadable_file_does_not_hide_a_wrong_variable(config: ConfigFolder) -> None:
    """Both are reported, so that both can be fixed."""
    config.environ = {"MEDIA_GENERATOR_DATABASE__TIMEOUT": "-1"}
    assert len(config.refuse("{").problems) == 2


def test_paths_into_a_brief_may_stand_beside_its_fields(config: ConfigFolder) -> None:
    """With dots in their names, in every source; an object stays whole."""
    steps = {"input": "3.steps", "type": "integer", "default": 20}
    inputs = {"prompt": "6.text", "technical_params.steps": steps, "lora": {"input": "5.name"}}
    config.environ["MEDIA_GENERATOR_MEDIA__INPUTS__IMAGE__TECHNICAL_PARAMS__CFG"] = "3.cfg"
    name = "MEDIA_GENERATOR_MEDIA__ARGUMENTS__AUDIO__A__B"
    config.environ[name] = '{"argument": "--x", "default": true}'
    loaded = config.load({"media": {"inputs": {"image": inputs}}})
    assert loaded.settings.media.inputs.image == inputs | {"technical_params.cfg": "3.cfg"}
    assert loaded.settings.media.arguments.audio == {"a.b": {"argument": "--x", "default": True}}
    assert str(loaded.provenance["media.inputs.image.technical_params.steps"]) == str(config.file)
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
def test_an_invalid_path_is_explained(
    config: ConfigFolder, name: str, entry: object, problem: str
) -> None:
    """When the settings are loaded, before anything is claimed."""
    error = config.refuse({"media": {"inputs": {"image": {name: entry}}}})
    assert problem in error.problems[0].what
    assert error.problems[0].key == f"media.inputs.image.{name}"
