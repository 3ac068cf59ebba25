"""A service gets the settings in force where it is installed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from entrypoints.service.service_definition import (
    DefinitionBuilder,
    ServiceDefinition,
    ServiceError,
    mediagen_command,
)
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.loader import LoadedSettings, load_settings
from tests.unit.entrypoints.service.samples import settings

FILE = "media_generator_config.json"


def defined(
    home: Path,
    variables: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
    variables_to_copy: tuple[str, ...] = (),
) -> tuple[ServiceDefinition, list[str]]:
    """The service of a user with this home, and the messages about it."""
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", **variables}
    builder = DefinitionBuilder(settings(home, environ, overrides), environ)
    made = builder.build("mediagen", ("/bin/mediagen",), overrides or {}, variables_to_copy)
    return made, builder.notes


def again(home: Path, made: ServiceDefinition, elsewhere: Path) -> LoadedSettings:
    """The settings that the daemon will load, in another folder and an empty environment."""
    arguments = made.command[made.command.index("--config") :]
    overrides = dict(
        word.removeprefix("--set=").split("=", 1) for word in arguments if word.startswith("--set=")
    )
    return load_settings(
        config_file=Path(arguments[1]),
        overrides=overrides,
        environ={"HOME": str(home), **made.environment},
        cwd=elsewhere,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a configuration, and a name that needs escaping."""
    made = tmp_path / "po$et's %h"
    made.mkdir()
    (made / FILE).write_text('{"comfyui": {"comfyui_directory": "$STUFF/ComfyUI"}}')
    return made


def test_the_same_settings_from_another_folder(home: Path, tmp_path: Path) -> None:
    """Relative paths and variables keep their meaning, in every section."""
    variables = {
        "STUFF": "/st uff",
        "MUSINGS_DB_PATH": "poems/$WORD.db",
        "WORD": "a $100 poem",
        "MEDIA_GENERATOR_WORKERS__IMAGE": "2",
    }
    overrides = {"paths.state": "state", "workers.audio": "1"}
    made, notes = defined(home, variables, overrides)
    here = settings(home, {"HOME": str(home), **variables}, overrides)
    there = again(home, made, tmp_path)
    assert there.settings == here.settings
    assert there.settings.database.path == str(home / "poems" / "a $100 poem.db")
    assert there.settings.comfyui.comfyui_directory == "/st uff/ComfyUI"
    assert there.settings.paths.state == str(home / "state")
    assert (there.settings.workers.image, there.settings.workers.audio) == (2, 1)
    assert there.config_file == here.config_file == home / FILE
    assert notes == []


def test_only_what_is_needed_is_copied(home: Path) -> None:
    """Settings in force, PATH, variables that the file names, and requested ones."""
    variables = {
        "STUFF": "/stuff",
        "MEDIA_GENERATOR_CONFIG": str(home / FILE).replace("$", "$$"),
        "MEDIA_GENERATOR_RETRY__MAX_ATTEMPTS": "7",
        "XDG_STATE_HOME": "/state",
        "SHELL": "/bin/zsh",
        "PYTORCH_ENABLE_MPS_FALLBACK": "1",
        "PATH": "/usr/bin:.venv/bin::/usr/bin:/bin",
    }
    made, _ = defined(home, variables, variables_to_copy=("PYTORCH_ENABLE_MPS_FALLBACK",))
    assert made.environment == {
        "PATH": "/usr/bin:/bin",
        "STUFF": "/stuff",
        "XDG_STATE_HOME": "/state",
        "MEDIA_GENERATOR_RETRY__MAX_ATTEMPTS": "7",
        "PYTORCH_ENABLE_MPS_FALLBACK": "1",
    }
    assert made.command[:3] == ("/bin/mediagen", "daemon", "--config")


def test_secrets_stay_out(home: Path) -> None:
    """A secret setting, a password in an address and a secret variable are left out and named."""
    (home / FILE).write_text(json.dumps({"database": {"path": "${API_TOKEN}/x.db"}}))
    variables = {"MEDIA_GENERATOR_HOOKS__SECRET": "geheim", "API_TOKEN": "/geheim"}
    made, notes = defined(home, variables, {"comfyui.host": "http://u:geheim@example.org"})
    assert "geheim" not in repr(made)
    assert "geheim" not in repr(notes)
    assert [note.split()[0] for note in notes] == [
        "--set",
        "API_TOKEN",
        "MEDIA_GENERATOR_HOOKS__SECRET",
    ]


@pytest.mark.parametrize("name", ["HF_TOKEN", "NOT_SET", "a b"])
def test_variables_that_cannot_be_copied(home: Path, name: str) -> None:
    """A requested secret, and a missing variable, are refused."""
    with pytest.raises(ServiceError, match=name):
        defined(home, {"STUFF": "/x", "HF_TOKEN": "x", "a b": "x"}, variables_to_copy=(name,))


def test_a_value_cannot_be_given_for_a_variable(home: Path) -> None:
    """The message explains how, instead of reporting a missing variable."""
    with pytest.raises(ServiceError, match="a name alone: set STUFF here, and pass --env STUFF"):
        defined(home, {"STUFF": "/x"}, variables_to_copy=("STUFF=1",))


def test_without_a_file(tmp_path: Path) -> None:
    """A service starts without a shell's variables, so its settings must be in a file."""
    variables = {"MUSINGS_DB_PATH": "/x.db", "XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(SettingsError, match="Write media_generator_config"):
        defined(tmp_path, variables)


def test_the_program(tmp_path: Path) -> None:
    """The script next to the interpreter, or the interpreter if there is none."""
    python = tmp_path / "python"
    assert mediagen_command(str(python))[:2] == (str(python), "-c")
    script = tmp_path / "mediagen"
    script.touch(0o755)
    assert mediagen_command(str(python)) == (str(script),)
