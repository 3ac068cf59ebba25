"""The configuration file: its location, its contents, and errors in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.loader import FILE_NAME, load_settings
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

SEED = {
    "database": {"path": "/data/anthonys_musings.db", "timeout": 30.0},
    "comfyui": {
        "python": "/opt/comfy_env/bin/python",
        "comfyui_directory": "/opt/comfy_env/ComfyUI",
        "output_directory": "output/poets",
        "host": "http://127.0.0.1:8188",
        "timeout_seconds": 900,
        "queue_size": 1,
    },
    "media": {
        "scripts": {
            "image": "/opt/comfy_env/ComfyUI/poets_service/image_workflow.py",
            "music": "/opt/comfy_env/ComfyUI/poets_service/audio_workflow.py",
        }
    },
}


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any configuration; platformdirs reads the process's environment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def database_of(
    cwd: Path, environ: Mapping[str, str] | None = None, config_file: Path | None = None
) -> str | None:
    """The database in the file that was chosen."""
    loaded = load_settings(config_file=config_file, environ=environ or {}, cwd=cwd)
    return loaded.settings.database.path


def test_the_seeds_file_loads_as_it_stands(config: ConfigFolder) -> None:
    """Contract, section 6: every value is loaded, without notes."""
    loaded = config.load(SEED)
    assert loaded.notes == ()
    assert loaded.settings.database.path == "/data/anthonys_musings.db"
    assert loaded.settings.database.timeout == 30.0
    assert loaded.settings.comfyui.timeout_seconds == 900
    assert loaded.settings.media.scripts.music.endswith("audio_workflow.py")


def test_an_empty_object_gives_the_defaults(config: ConfigFolder) -> None:
    """Defaults as the contract and the documentation state them."""
    settings = config.load({}).settings
    assert settings.database.path is None
    assert settings.database.create_indexes is True
    assert settings.comfyui.output_directory == "output/poets"
    assert settings.comfyui.stall_seconds == 600
    assert settings.comfyui.grace_seconds == 5
    assert settings.media.argument_style == "equals"
    assert settings.media.variants == "last"
    assert settings.media.renderer.audio == "script"
    assert settings.media.limits.max_bytes == 2147483648


def test_a_named_file_outranks_the_variable_and_the_working_folder(
    tmp_path: Path, empty_home: Path
) -> None:
    """Order: --config, MEDIA_GENERATOR_CONFIG, working folder, the user's own folder, none."""
    files = {name: tmp_path / f"{name}.json" for name in ("option", "variable")}
    files["here"] = tmp_path / FILE_NAME
    files["own"] = empty_home / ".config" / "media-generator" / FILE_NAME
    if os.uname().sysname == "Darwin":
        files["own"] = empty_home / "Library/Application Support/media-generator" / FILE_NAME
    files["own"].parent.mkdir(parents=True)
    for name, file in files.items():
        file.write_text(json.dumps({"database": {"path": f"/{name}"}}), encoding="utf-8")
    environ = {"MEDIA_GENERATOR_CONFIG": "variable.json"}

    assert database_of(tmp_path, environ, files["option"]) == "/option"
    assert database_of(tmp_path, environ) == "/variable"
    assert database_of(tmp_path, {"MEDIA_GENERATOR_CONFIG": ""}) == "/here"
    files["here"].unlink()
    assert database_of(tmp_path) == "/own"
    files["own"].unlink()
    assert database_of(tmp_path) is None
    assert load_settings(environ={}, cwd=tmp_path).config_file is None


@pytest.mark.parametrize("by_option", [True, False])
def test_a_named_file_that_is_missing_is_an_error(
    tmp_path: Path, empty_home: Path, *, by_option: bool
) -> None:
    """It never falls through to the next location."""
    (tmp_path / FILE_NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"gone\.json: there is no such file"):
        database_of(
            tmp_path,
            {} if by_option else {"MEDIA_GENERATOR_CONFIG": "gone.json"},
            Path("gone.json") if by_option else None,
        )


def test_variables_in_the_name_of_the_file_are_expanded(tmp_path: Path) -> None:
    """In MEDIA_GENERATOR_CONFIG no shell does it."""
    (tmp_path / "mine.json").write_text('{"database": {"path": "/x"}}', encoding="utf-8")
    environ = {"MEDIA_GENERATOR_CONFIG": "$WHERE/mine.json", "WHERE": str(tmp_path)}
    assert database_of(Path("/"), environ) == "/x"
    del environ["WHERE"]
    with pytest.raises(SettingsError, match=r"MEDIA_GENERATOR_CONFIG.*WHERE is not set"):
        database_of(Path("/"), environ)


def test_a_byte_order_mark_is_accepted(config: ConfigFolder) -> None:
    """Editors on other systems write one."""
    config.file.write_bytes(b"\xef\xbb\xbf" + json.dumps(SEED).encode())
    assert config.load().settings.database.path == "/data/anthonys_musings.db"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"database": {},\n "comfyui" {}}', r"not valid JSON: .*\(line 2, column 12\)"),
        (b'{"database": {},}', r"not valid JSON: .*\(line 1"),
        (b"", r"not valid JSON.*The file is empty: write at least \{\}"),
        (b" \n", "The file is empty"),
        (b"[]", "not a JSON object"),
        (b"3", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": "\xff"}', r"not UTF-8 text \(line 1\)"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 text"),
        (b'{"a": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b" " * (1024 * 1024 + 1), "too large"),
    ],
)
def test_an_invalid_file_is_refused_by_name(
    config: ConfigFolder, content: bytes, message: str
) -> None:
    """The message has the file, the position in it and a solution."""
    config.file.write_bytes(content)
    error = config.refuse()
    assert error.problems[0].where == str(config.file)
    assert error.problems[0].fix
    with pytest.raises(SettingsError, match=message):
        config.load()


@pytest.mark.parametrize("depth", [10, 400, 480, 600, 900, 980, 20_000])
def test_any_depth_of_nesting_gets_an_answer(config: ConfigFolder, depth: int) -> None:
    """Loaded if JSON can be read at all, otherwise refused with a message of our own."""
    try:
        assert config.load('{"ui": ' + "[" * depth + "]" * depth + "}").notes
    except SettingsError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017 - both ends are right
    assert "a list" in str(config.refuse('{"web": ' + "[" * 300 + "]" * 300 + "}"))


def test_a_directory_and_a_pipe_are_refused_at_once(config: ConfigFolder) -> None:
    """Opening a pipe would wait for a writer for ever."""
    config.file.unlink()
    os.mkfifo(config.file)
    assert "not a regular file" in str(config.refuse())
    config.file.unlink()
    config.file.mkdir()
    assert "this is a directory" in str(config.refuse())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(config: ConfigFolder) -> None:
    """A file without read permission does not count as missing."""
    config.file.chmod(0)
    assert "cannot be read (Permission denied)" in str(config.refuse())


def test_a_path_below_a_file_is_refused(config: ConfigFolder) -> None:
    """Other operating system errors are reported as well."""
    config.folder = config.file
    assert "cannot be read (Not a directory)" in str(config.refuse())


def test_a_duplicate_key_is_named(config: ConfigFolder) -> None:
    """It would be unclear which of the two counts, in our sections or in lists."""
    text = '{"database": {"path": "/a", "path": "/b"}, "ui": [{"x": 1, "x": 2}], "ui": 1}'
    error = config.refuse(text)
    assert [problem.key for problem in error.problems] == ["ui", "database.path"]
    assert '"database.path" is given more than once' in str(error)
