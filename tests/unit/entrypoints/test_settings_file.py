"""The configuration file: where it is found, what it may hold, how it is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from entrypoints.settings import FILE_NAME, SettingsError, load_settings
from tests.settings_places import Place, make_place

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
def place(tmp_path: Path) -> Place:
    """A folder with a configuration file."""
    return make_place(tmp_path)


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any configuration; platformdirs reads the process's environment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def database_of(
    cwd: Path, environ: Mapping[str, str] | None = None, config_file: Path | None = None
) -> str | None:
    """The database of whichever file is found."""
    loaded = load_settings(config_file=config_file, environ=environ or {}, cwd=cwd)
    return loaded.settings.database.path


def test_the_seeds_file_loads_as_it_stands(place: Place) -> None:
    """Contract, section 6: every value arrives, and there is nothing to note."""
    loaded = place.load(SEED)
    assert loaded.notes == ()
    assert loaded.settings.database.path == "/data/anthonys_musings.db"
    assert loaded.settings.database.timeout == 30.0
    assert loaded.settings.comfyui.timeout_seconds == 900
    assert loaded.settings.media.scripts.music.endswith("audio_workflow.py")


def test_an_empty_object_gives_the_defaults(place: Place) -> None:
    """Defaults as the contract and the documentation state them."""
    settings = place.load({}).settings
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
    tmp_path: Path, nobody: Path
) -> None:
    """Order: --config, MEDIA_GENERATOR_CONFIG, working folder, the user's own folder, none."""
    files = {name: tmp_path / f"{name}.json" for name in ("option", "variable")}
    files["here"] = tmp_path / FILE_NAME
    files["own"] = nobody / ".config" / "media-generator" / FILE_NAME
    if os.uname().sysname == "Darwin":
        files["own"] = nobody / "Library/Application Support/media-generator" / FILE_NAME
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
    tmp_path: Path, nobody: Path, *, by_option: bool
) -> None:
    """It never falls through to the next place."""
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


def test_a_byte_order_mark_is_no_obstacle(place: Place) -> None:
    """Editors of other systems write one."""
    place.file.write_bytes(b"\xef\xbb\xbf" + json.dumps(SEED).encode())
    assert place.load().settings.database.path == "/data/anthonys_musings.db"


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
        (b'{"a": ' + b"9" * 5000 + b"}", "absurdly long number"),
        (b" " * (1024 * 1024 + 1), "too large"),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(
    place: Place, content: bytes, message: str
) -> None:
    """The message has the file, the place in it and what to do."""
    place.file.write_bytes(content)
    error = place.refuse()
    assert error.problems[0].where == str(place.file)
    assert error.problems[0].fix
    with pytest.raises(SettingsError, match=message):
        place.load()


def test_a_directory_and_a_pipe_are_refused_at_once(place: Place) -> None:
    """Opening a pipe would wait for a writer for ever."""
    place.file.unlink()
    os.mkfifo(place.file)
    assert "not a regular file" in str(place.refuse())
    place.file.unlink()
    place.file.mkdir()
    assert "this is a directory" in str(place.refuse())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(place: Place) -> None:
    """No rights is not the same as no file."""
    place.file.chmod(0)
    assert "cannot be read (Permission denied)" in str(place.refuse())


def test_a_path_below_a_file_is_refused(place: Place) -> None:
    """Other errors of the system are told as well."""
    place.folder = place.file
    assert "cannot be read (Not a directory)" in str(place.refuse())


def test_a_key_that_stands_twice_is_named(place: Place) -> None:
    """Which of the two would win is nobody's guess, in our sections or in lists."""
    text = '{"database": {"path": "/a", "path": "/b"}, "ui": [{"x": 1, "x": 2}], "ui": 1}'
    error = place.refuse(text)
    assert [problem.key for problem in error.problems] == ["ui", "database.path"]
    assert '"database.path" is given more than once' in str(error)


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


@pytest.mark.parametrize("section", ["retry", "workers", "web", "hooks", "logging", "paths"])
def test_sections_without_keys_take_nothing(place: Place, section: str) -> None:
    """They are ours: an empty object is fine, a key in them is not."""
    place.load({section: {}})
    error = place.refuse({section: {"x": 1}})
    assert str(error.problems[0]).startswith(f'{place.file}: "{section}.x" is not a known setting')
    assert "has no keys yet" in error.problems[0].fix


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
    assert str(error).startswith("5 things are wrong with the settings:\n  - ")


def test_an_unreadable_file_does_not_hide_a_wrong_variable(place: Place) -> None:
    """Both are told, so that both can be mended."""
    place.environ = {"MEDIA_GENERATOR_DATABASE__TIMEOUT": "-1"}
    assert len(place.refuse("{").problems) == 2
