"""Turning paths in the settings into absolute paths."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.prompt import Kind
from entrypoints.settings import resolution
from entrypoints.settings.errors import SettingsError
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from entrypoints.settings.loader import LoadedSettings

BOTH_SKETCHED = {"renderer": {"image": "sketch", "audio": "sketch"}}


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def _script(loaded: LoadedSettings, kind: Kind) -> Path:
    [workflow] = resolution.workflows(loaded, [kind])
    return resolution.script(loaded, workflow)


def _arguments(loaded: LoadedSettings, kind: Kind) -> dict[str, tuple[str, ...]]:
    [workflow] = resolution.workflows(loaded, [kind])
    return resolution.arguments(workflow)


def test_relative_paths_of_the_file_start_from_its_folder(config: ConfigFolder) -> None:
    """A file means the same wherever the command is run."""
    tree = {
        "database": {"path": "a.db"},
        "comfyui": {"python": "env/bin/python", "comfyui_directory": "ComfyUI"},
    }
    loaded = config.load(tree)
    assert resolution.database_path(loaded) == config.folder / "a.db"
    assert resolution.output_root(loaded) == config.folder / "ComfyUI/output/poets"
    assert resolution.interpreter(loaded) == config.folder / "env/bin/python"
    assert resolution.comfyui_directory(loaded) == config.folder / "ComfyUI"
    scripts = config.folder / "ComfyUI/poets_service"
    assert _script(loaded, Kind.IMAGE) == scripts / "image_workflow.py"
    assert _script(loaded, Kind.AUDIO) == scripts / "audio_workflow.py"


def test_relative_paths_of_options_and_variables_start_from_the_working_folder(
    config: ConfigFolder,
) -> None:
    """As with every other command."""
    config.overrides = {"database.path": "a.db"}
    config.environ = {"COMFYUI_DIR": "C", "MEDIA_GENERATOR_COMFYUI__PYTHON": "./python"}
    loaded = config.load()
    assert resolution.database_path(loaded) == config.cwd / "a.db"
    assert resolution.comfyui_directory(loaded) == config.cwd / "C"
    assert resolution.interpreter(loaded) == config.cwd / "python"


def test_scripts_and_output_start_from_the_comfyui_directory_wherever_they_are_set(
    config: ConfigFolder,
) -> None:
    """Contract, sections 4 and 6."""
    config.environ = {"MEDIA_GENERATOR_MEDIA__SCRIPTS__IMAGE": "my.py", "COMFYUI_DIR": "/c"}
    config.overrides = {"comfyui.output_directory": "out"}
    tree = {"media": {"scripts": {"music": "/elsewhere/song.py"}}}
    loaded = config.load(tree)
    assert _script(loaded, Kind.IMAGE) == Path("/c/my.py")
    assert _script(loaded, Kind.AUDIO) == Path("/elsewhere/song.py")
    assert resolution.output_root(loaded) == Path("/c/out")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/x.db", "/home/poet/x.db"),
        ("~", "/home/poet"),
        ("$DATA/x.db", "/data/x.db"),
        ("${DATA}x.db", "/datax.db"),
        ("$DATA/$NAME.db", "/data/~.db"),
        ("/a/~/b", "/a/~/b"),
        ("/a/$$DATA", "/a/$DATA"),
        ("/a$/b", "/a$/b"),
        ("$SELF", "/$SELF"),
    ],
)
def test_home_and_variables_are_expanded_once(
    config: ConfigFolder, written: str, meant: str
) -> None:
    """What a variable holds is not expanded again."""
    config.environ = {"HOME": "/home/poet", "DATA": "/data", "NAME": "~", "SELF": "/$SELF"}
    loaded = config.load({"database": {"path": written}})
    assert resolution.database_path(loaded) == Path(meant)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("$NOT_SET/x", "the variable NOT_SET is not set"),
        ("${NOT_SET}", "the variable NOT_SET is not set"),
        ("/x/${}", "not set"),
        ("$EMPTY/x", "the variable EMPTY is not set, or empty"),
        ("~no_such_user_here/x", "~no_such_user_here"),
    ],
)
def test_a_variable_that_cannot_be_expanded_is_named(
    config: ConfigFolder, written: str, named: str
) -> None:
    """An empty variable would lead to a path below the root."""
    config.environ = {"EMPTY": ""}
    (problem,) = config.refuse({"comfyui": {"output_directory": written}}).problems
    assert named in problem.what
    assert problem.key == "comfyui.output_directory"


def test_a_bare_interpreter_is_looked_up_on_the_path(config: ConfigFolder, tmp_path: Path) -> None:
    """A virtual environment's Python is a link, which must not be followed."""
    (tmp_path / "python9").symlink_to(sys.executable)
    loaded = config.load({"comfyui": {"python": "python9"}})
    assert resolution.interpreter(loaded, search=str(tmp_path)) == tmp_path / "python9"
    with pytest.raises(SettingsError, match=r'comfyui\.python is "python9", and no folder on PATH'):
        resolution.interpreter(loaded, search="/nowhere")


def test_a_relative_output_root_without_comfyui_is_an_error_that_says_which_key(
    config: ConfigFolder,
) -> None:
    """The output root must be known before anything is written."""
    loaded = config.load({"media": BOTH_SKETCHED})
    with pytest.raises(SettingsError, match=r"output_directory absolute") as caught:
        resolution.output_root(loaded)
    assert caught.value.problems[0].key == "comfyui.comfyui_directory"


def test_configured_arguments_override_the_seeds_arguments(config: ConfigFolder) -> None:
    """Order: the seed's first; null removes one (contract, section 3)."""
    image = {"seed": "--seed9", "prompt": "--text4", "queue_size": None}
    tree = {"media": {"arguments": {"image": image}, "extra_arguments": {"audio": ["-x"]}}}
    loaded = config.load(tree)
    assert list(_arguments(loaded, Kind.IMAGE).items()) == [
        ("prompt", ("--text4",)),
        ("negative_prompt", ("--negative-prompt",)),
        ("output", ("--output",)),
        ("seed", ("--seed9",)),
    ]
    assert _arguments(loaded, Kind.AUDIO)["lyrics"] == ("--lyrics",)
    assert loaded.settings.media.extra_arguments.audio == ("-x",)
    assert loaded.settings.media.extra_arguments.image == ()
