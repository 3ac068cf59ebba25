"""A broken installation does not burn the queue: prompts are given back, and it is said why."""

import json
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import STEAM, Installation, image


def hint(code: str) -> str:
    """What a person is told to do."""
    return FailureCode(code).hint


def everything(place: Installation) -> list[Path]:
    """All files and folders but the user's own folder for state, where live progress is shown."""
    state = place.shell.home / ".local"
    found = place.folder.rglob("*")
    return sorted(path for path in found if path != state and state not in path.parents)


def test_a_database_that_is_missing_is_not_made(place: Installation) -> None:
    """Exit code 3 names the path, and nothing is created anywhere."""
    place.database.unlink()
    before = everything(place)
    ended = place.run()
    assert ended.returncode == 3
    assert str(place.database) in ended.stderr
    assert everything(place) == before


@pytest.mark.parametrize("content", [b"", b"just text", b"SQLite format 3\x00" + b"\x10" * 5_000])
def test_a_file_that_is_no_database_is_refused_and_kept(
    place: Installation, content: bytes
) -> None:
    """No repair is tried."""
    place.database.write_bytes(content)
    ended = place.run()
    assert ended.returncode == 3
    assert str(place.database) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert place.database.read_bytes() == content


def test_a_missing_column_is_named(place: Installation) -> None:
    """Before anything is claimed or made."""
    place.poet.write(image("a lake"))
    place.poet.execute("ALTER TABLE prompts DROP COLUMN error_message")
    ended = place.run()
    assert ended.returncode == 3
    assert "table prompts" in ended.stderr
    assert "error_message" in ended.stderr
    assert place.statuses() == {1: "pending"}


BREAKAGES: dict[str, Callable[[Installation], object]] = {
    "interpreter_missing": lambda place: place.configure({"comfyui": {"python": "/no/python"}}),
    "script_missing": lambda place: (place.scripts / "image_workflow.py").unlink(),
    "output_root_missing": lambda place: place.root.rmdir(),
    "comfyui_missing": lambda place: place.configure(
        {"comfyui": {"comfyui_directory": "/no/ComfyUI", "output_directory": str(place.root)}}
    ),
}


@pytest.mark.parametrize("code", BREAKAGES)
def test_what_is_missing_stops_the_run_and_touches_no_prompt(
    place: Installation, code: str
) -> None:
    """Exit code 3, code and hint on stderr, all prompts pending; nothing is invented."""
    for _ in range(3):
        place.poet.write(image("a lake"))
    BREAKAGES[code](place)
    before = everything(place)
    ended = place.run()
    assert ended.returncode == 3
    assert f"{code}: " in ended.stderr
    assert hint(code) in ended.stderr
    assert {place.poet.status(number) for number in (1, 2, 3)} == {("pending", None)}
    assert everything(place) == before
    last = json.loads(place.run("--json").stdout.splitlines()[-1])
    assert last["stopped_by"]["code"] == code
    assert last["stopped_by"]["hint"] == hint(code)


def test_an_interpreter_that_may_not_be_executed_is_missing_too(place: Installation) -> None:
    """A file without the right is no interpreter."""
    place.poet.write(image("a lake"))
    (place.folder / "python").touch(mode=0o644)
    place.configure({"comfyui": {"python": str(place.folder / "python")}})
    ended = place.run()
    assert ended.returncode == 3
    assert "interpreter_missing: " in ended.stderr
    place.check()


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("no_comfy.py", "comfyui_import"),
        ("out_of_memory.py", "out_of_memory"),
        ("other_arguments.py", "arguments_rejected"),
    ],
)
def test_what_every_prompt_meets_stops_the_run_after_a_few(
    place: Installation, script: str, code: str
) -> None:
    """Given back, all of them, without an error; the reason and the hint are printed."""
    place.use(script)
    for _ in range(6):
        place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 3
    assert f"{code}: " in ended.stderr
    assert hint(code) in ended.stderr
    assert {place.poet.status(number) for number in range(1, 7)} == {("pending", None)}
    assert place.poet.execute("SELECT count(*) FROM media_generator_renders") == [(3,)]
    if code == "comfyui_import":
        assert "No module named 'comfy" in ended.stderr
    place.check()


def test_a_full_disk_stops_the_run_at_once(place: Installation) -> None:
    """It is certain to meet every other prompt."""
    place.use("disk_full.py")
    for _ in range(3):
        place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 3
    assert "disk_full: " in ended.stderr
    assert set(place.statuses().values()) == {"pending"}
    assert place.poet.execute("SELECT count(*) FROM media_generator_renders") == [(1,)]
    place.check()


def test_songs_are_rendered_while_the_image_script_is_missing(place: Installation) -> None:
    """One kind that cannot be rendered does not hold up the other; exit code 3 tells of it."""
    place.use("not_there.py")
    pictures = [place.poet.write(image("a lake")) for _ in range(2)]
    songs = [place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt") for _ in range(2)]
    ended = place.run()
    assert ended.returncode == 3
    assert "script_missing: " in ended.stderr
    assert "not_there.py" in ended.stderr
    assert place.statuses() == dict.fromkeys(pictures, "pending") | dict.fromkeys(songs, "ready")
    assert place.run("--kind", "audio").returncode == 0
    place.check()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_lock_of_another_program_is_waited_out(tmp_path: Path, journal_mode: str) -> None:
    """Nobody's prompt pays for a database browser with unsaved changes."""
    place = Installation(tmp_path, "wide", journal_mode)
    for _ in range(3):
        place.poet.write(image("a lake"))
    with closing(sqlite3.connect(place.database, check_same_thread=False)) as browser:
        browser.isolation_level = None
        browser.execute("BEGIN EXCLUSIVE")
        free = threading.Timer(3, browser.rollback)
        free.start()
        ended = place.run()
        free.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    place.check()


def test_a_lock_that_outlasts_the_timeout_is_waited_out(place: Installation) -> None:
    """What is rendered is not thrown away because somebody holds the lock for long."""
    place.use("waits.py")
    place.configure({"media": {"scripts": place.named("waits.py")}, "database": {"timeout": 1.0}})
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        place.begun(process)
        with closing(sqlite3.connect(place.database, isolation_level=None)) as browser:
            browser.execute("BEGIN IMMEDIATE")
            place.go()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=4)
            browser.rollback()
        _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (0, "")
    assert place.statuses() == {1: "ready"}
    place.check()


CONFIGURATIONS = {
    "no JSON": "{",
    "unknown key": '{"database": {"paht": "x"}}',
    "wrong type": '{"database": {"path": 5}}',
    "limit of 0": '{"comfyui": {"timeout_seconds": 0}}',
    "limit of NaN": '{"comfyui": {"timeout_seconds": NaN}}',
    "root": '{"comfyui": {"output_directory": "/"}}',
    "nothing": "{}",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_wrong_configuration_is_exit_code_2(place: Installation, name: str) -> None:
    """The message names the file; nothing is claimed."""
    place.poet.write(image("a lake"))
    file = place.shell.home / "media_generator_config.json"
    file.write_text(CONFIGURATIONS[name])
    ended = place.run()
    assert ended.returncode == 2
    assert file.name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert place.statuses() == {1: "pending"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "0"],
        ["--limit", "many"],
        ["--kind", "video"],
        ["--nonsense"],
        ["one"],
        ["9" * 30],
        ["-5"],
        ["--set", "comfyui.timeout_seconds=soon"],
        ["--config", "not_there.json"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(place: Installation, arguments: list[str]) -> None:
    """Without a traceback, and before anything is claimed."""
    place.poet.write(image("a lake"))
    ended = place.run(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert place.statuses() == {1: "pending"}
