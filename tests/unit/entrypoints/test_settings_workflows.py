"""Named workflows in the configuration: what is accepted, and what is refused with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.prompt import Kind
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.resolution import mapped_paths
from entrypoints.settings.workflows import named_workflows, workflow_rules
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = {"name": "photo", "script": "photo.py"}


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def test_an_entry_inherits_missing_values_from_its_kind(config: ConfigFolder) -> None:
    """Paths start from the folder of the file; the default renderer is that of the kind."""
    entries: list[dict[str, Any]] = [
        {
            "name": "Anime XL",
            "renderer": "server",
            "file": "anime.json",
            "inputs": {"prompt": "6.text"},
            "when": {"style": ["anime", "manga"], "technical_params.steps": 20},
        },
        {"name": "poster", "arguments": {"prompt": "--text4"}, "extra_arguments": ["--x"]}
        | {"when": {"mood": "bold"}},
        DEFAULT,
    ]
    media = {"workflows": {"image": entries}, "arguments": {"image": {"prompt": "--text9"}}}
    loaded = config.load({"media": media})
    anime, poster, photo = named_workflows(loaded.settings.media, Kind.IMAGE)
    assert (anime.renderer, anime.file) == ("server", config.folder / "anime.json")
    assert anime.inputs == {"prompt": "6.text"}
    assert (poster.renderer, poster.arguments) == ("script", {"prompt": "--text4"})
    assert poster.extra_arguments == ("--x",)
    assert (photo.script, photo.arguments) == ("photo.py", {"prompt": "--text9"})
    rules = workflow_rules(loaded.settings.media, Kind.IMAGE)
    assert rules is not None
    assert rules.names == ("Anime XL", "poster", "photo")
    assert rules.rules[0].when == {
        "style": ("anime", "manga"),
        "technical_params.steps": ("20",),
    }
    assert workflow_rules(loaded.settings.media, Kind.AUDIO) is None
    [audio] = named_workflows(loaded.settings.media, Kind.AUDIO)
    assert audio.key == (Kind.AUDIO, "")


def test_the_mapping_of_an_entry_takes_any_value_of_the_brief(config: ConfigFolder) -> None:
    """With a type, a default and bounds, as under ``media.inputs``."""
    steps = {"input": "5.steps", "type": "integer", "default": 20}
    inputs = {"prompt": "6.text", "technical_params.lora": "10.lora_name", "steps": steps}
    entry = {"name": "a", "renderer": "server", "file": "a.json", "inputs": inputs}
    loaded = config.load({"media": {"workflows": {"image": [entry]}}})
    [workflow] = named_workflows(loaded.settings.media, Kind.IMAGE)
    assert workflow.inputs == inputs
    assert mapped_paths(workflow, "inputs").keys() == {"technical_params.lora", "steps"}
    inputs["steps"] = {"input": "5.steps", "type": "integr"}
    with pytest.raises(SettingsError, match=r"entry 1: .*the type 'integr' is none of"):
        config.load({"media": {"workflows": {"image": [entry]}}})


def test_an_invalid_list_is_not_called_missing(config: ConfigFolder) -> None:
    """One problem, even though the setting has its default in the meantime."""
    media = {"renderer": {"image": "server"}, "workflows": {"image": [{"name": "a/b"}]}}
    with pytest.raises(SettingsError) as refused:
        config.load({"media": media})
    assert ["not a plain name" in problem.what for problem in refused.value.problems] == [True]


def test_the_environment_may_hold_a_list(config: ConfigFolder) -> None:
    """As JSON; anything else is a path, as before."""
    config.environ["MEDIA_GENERATOR_MEDIA__WORKFLOWS__IMAGE"] = json.dumps([DEFAULT])
    loaded = config.load({})
    assert [one.name for one in named_workflows(loaded.settings.media, Kind.IMAGE)] == ["photo"]


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([], "the list is empty"),
        ([{"script": "a.py"}], "it has no name"),
        ([{"name": "a/b"}], "not a plain name"),
        ([{"name": "a", "fil": "x"}], '"fil" is not known there'),
        ([{"name": "a", "renderer": "servr"}], 'the renderer is "servr"'),
        ([{"name": "a", "file": "a.json"}], '"file", which "script" does not use'),
        ([{"name": "a", "renderer": "server"}], 'but has no "file"'),
        ([{"name": "a", "when": {"mood": "x"}}], 'the last entry, "a", has a "when"'),
        ([{"name": "a"}, DEFAULT], 'entry 1, "a", has no "when"'),
        ([{"name": "photo", "when": {"mood": "x"}}, DEFAULT], "is there twice"),
        ([{"name": "a", "when": {"stlye": "x"}}, DEFAULT], 'when names "stlye"'),
        ([{"name": "a", "when": {"mood": []}}, DEFAULT], "when.mood is a list, which fits nothing"),
        ([{"name": "a", "when": {"a..b": "x"}}, DEFAULT], "which is not a path"),
        ([{"name": "a", "when": "x"}, DEFAULT], 'when is "x"'),
        ([{"name": "a", "arguments": {"prompt": "no dash"}}], "is not the name of an argument"),
        ([{"name": "a", "extra_arguments": "x"}], "extra_arguments is not a list"),
        (["a.json"], "a list of objects"),
    ],
)
def test_an_error_names_its_entry(config: ConfigFolder, entries: list[Any], what: str) -> None:
    """And the message says what to write."""
    with pytest.raises(SettingsError) as raised:
        config.load({"media": {"workflows": {"image": entries}}})
    [problem] = raised.value.problems
    assert what in problem.what
    assert problem.fix
