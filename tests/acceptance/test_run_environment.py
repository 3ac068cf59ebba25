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
from tests.acceptance.mediagen import STEAM, Installation, image, until
from tests.slow_cases import mostly_slow


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
        pytest.param("out_of_memory.py", "out_of_memory", marks=pytest.mark.slow),
        pytest.param("other_arguments.py", "arguments_rejected", marks=pytest.mark.slow),
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


def break_with(place: Installation, fault: str, **sections: dict[str, object]) -> None:
    """From now on every picture meets this fault of the installation."""
    media = {
        "scripts": place.named("broken_install.py"),
        "extra_arguments": {"image": [f"--fault={fault}"]},
    }
    place.configure({"media": media, **sections})


def pictures(place: Installation, number: int) -> list[int]:
    """Prompts that differ, as a language model writes them."""
    return [place.poet.write(image(f"lake number {n}, at dawn, very still")) for n in range(number)]


CERTAIN = {
    "missing_model": "model_missing",
    "missing_node": "node_missing",
    "value_not_in_list": "model_missing",
    "corrupt_safetensors": "model_broken",
    "corrupt_pickle": "model_broken",
    "no_cuda": "gpu_unavailable",
    "no_driver": "gpu_unavailable",
    "old_export": "export_outdated",
}


@pytest.mark.parametrize("fault", mostly_slow(CERTAIN, "missing_model", "old_export"))
def test_known_last_words_stop_the_run_at_once(place: Installation, fault: str) -> None:
    """One render, no error; status and doctor tell code and hint; mended, all are rendered."""
    break_with(place, fault)
    ids = pictures(place, 5)
    ended = place.run()
    assert ended.returncode == 3
    assert {place.poet.status(number) for number in ids} == {("pending", None)}
    assert place.poet.execute("SELECT count(*) FROM media_generator_renders") == [(1,)]
    told = hint(CERTAIN[fault])
    for text in (ended.stderr, place.shell.run("status").stdout, place.shell.run("doctor").stdout):
        assert f"{CERTAIN[fault]}: " in text
        assert told in " ".join(text.split())
    place.use("image_workflow.py")
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    assert place.shell.json("status")["paused"] is None
    place.check()


@pytest.mark.parametrize(
    "fault", mostly_slow(["no_module", "open_files", "mps_buffer", "cudnn"], "no_module")
)
def test_last_words_that_may_be_one_prompts_stop_the_run_after_three(
    place: Installation, fault: str
) -> None:
    """Others are tried before the queue stops; no prompt ends in error."""
    break_with(place, fault)
    ids = pictures(place, 5)
    assert place.run().returncode == 3
    assert {place.poet.status(number) for number in ids} == {("pending", None)}
    assert place.poet.execute("SELECT count(*) FROM media_generator_renders") == [(3,)]
    place.check()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="one run"),
        pytest.param(["--limit", "1"], id="cron", marks=pytest.mark.slow),
    ],
)
def test_equal_last_words_that_nobody_knows_stop_the_queue(
    place: Installation, arguments: list[str]
) -> None:
    """Two prompts pay before it is clear; the rest waits, however often a run is started."""
    break_with(place, "unknown")
    ids = pictures(place, 8)
    expected = [1, 1, 3, 3, 3] if arguments else [3, 3]
    assert [place.run(*arguments).returncode for _ in expected] == expected
    statuses = place.statuses()
    assert [statuses[number] for number in ids] == ["error"] * 2 + ["pending"] * 6
    for text in (place.shell.run("status").stdout, place.shell.run("doctor").stdout):
        assert "workflow_failed: " in text
        assert "Expected a 4-D tensor" in text
        assert hint("workflow_failed") in " ".join(text.split())
        assert "lake number" not in text
    place.use("image_workflow.py")
    assert place.shell.run("retry", "--all-errors").returncode == 0
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    place.check()


@pytest.mark.slow
def test_one_bad_prompt_does_not_stop_the_queue(place: Installation) -> None:
    """However often a person insists on it."""
    place.use("by_prompt.py")
    [bad, *good] = [place.poet.write(image(name)) for name in ("fails", "good", "good")]
    for _ in range(4):
        assert place.run().returncode == 1
        assert place.poet.status(bad)[0] == "error"
        assert place.shell.run("retry", str(bad)).returncode == 0
    assert [place.statuses()[number] for number in good] == ["ready"] * 2
    assert place.shell.json("status")["paused"] is None


def test_first_prompts_without_files_cost_nothing(place: Installation) -> None:
    """A script that writes elsewhere is a fault of the installation; its words are shown."""
    place.use("no_files.py")
    ids = pictures(place, 5)
    ended = place.run()
    assert ended.returncode == 3
    assert "no_files: " in ended.stderr
    assert hint("no_files") in ended.stderr
    assert {place.poet.status(number) for number in ids} == {("pending", None)}
    place.use("image_workflow.py")
    assert place.run().returncode == 0
    (place.scripts / "mute.py").write_text("import sys\nsys.stderr.write('the VAE is None')\n")
    place.use("by_prompt.py")
    lone = place.poet.write(image("mute"))
    assert place.run().returncode == 1
    message = place.poet.status(lone)[1] or ""
    assert message.startswith("no_files: ")
    assert "\nthe VAE is None\n" in message
    place.check()


def test_the_words_of_a_script_that_says_it_succeeded(place: Installation) -> None:
    """They are in the message of a broken file, of too much output, and of another format."""
    leaves = {
        "half": ("(out / 'a.png').write_bytes(b'\\x89PNG')", "file_broken"),
        "crowd": ("[(out / f'{n}.txt').touch() for n in range(2000)]", "too_much_output"),
        "film": ("(out / 'a.webm').write_bytes(b'x')", "format_unsupported"),
    }
    for name, (line, _) in leaves.items():
        start = "import pathlib, sys\nprint('the VAE is None', file=sys.stderr)\n"
        find = (
            "out = pathlib.Path(sys.argv[sys.argv.index('--output') + 1] if '--output' in sys.argv"
        )
        rest = "else next(a for a in sys.argv if a.startswith('--output='))[9:])\n"
        (place.scripts / f"{name}.py").write_text(f"{start}{find} {rest}{line}\n")
    place.use("by_prompt.py")
    place.poet.write(image("good"))
    ids = {name: place.poet.write(image(name)) for name in leaves}
    assert place.run().returncode == 1
    for name, (_, code) in leaves.items():
        message = place.poet.status(ids[name])[1] or ""
        assert message.startswith(f"{code}: ")
        assert "\nthe VAE is None\n" in message
        assert hint(code) in message


def test_songs_are_rendered_while_pictures_wait_for_a_model(place: Installation) -> None:
    """Their success does not make the pictures pay, in this run and in the next."""
    break_with(place, "missing_model")
    ids = pictures(place, 4)
    songs = [place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt") for _ in range(2)]
    for _ in range(2):
        assert place.run().returncode == 3
        assert {place.poet.status(number) for number in ids} == {("pending", None)}
        assert [place.statuses()[number] for number in songs] == ["ready"] * len(songs)
        songs.append(place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"))
    assert "Only image prompts wait." in place.shell.run("status").stdout


def test_several_slots_burn_no_more_than_one(place: Installation) -> None:
    """What was begun before the queue stopped is given back."""
    break_with(place, "unknown", workers={"image": 4}, retry={"probe_seconds": 1})
    ids = pictures(place, 12)
    with place.started("daemon") as process:
        until(lambda: place.shell.json("status")["paused"])
        renders = "SELECT count(*) FROM media_generator_renders WHERE outcome = 'released'"
        until(lambda: place.poet.execute(renders)[0][0] >= 5)  # probes among them
        process.terminate()
        process.communicate(timeout=90)
    statuses = [place.statuses()[number] for number in ids]
    assert sorted(statuses) == ["error"] * 2 + ["pending"] * 10
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
        free = threading.Timer(1.5, browser.rollback)
        free.start()
        ended = place.run()
        free.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    place.check()


def test_a_lock_that_outlasts_the_timeout_is_waited_out(place: Installation) -> None:
    """What is rendered is not thrown away because somebody holds the lock for long."""
    place.use("waits.py")
    place.configure({"media": {"scripts": place.named("waits.py")}, "database": {"timeout": 0.3}})
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        place.begun(process)
        with closing(sqlite3.connect(place.database, isolation_level=None)) as browser:
            browser.execute("BEGIN IMMEDIATE")
            place.go()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1.5)
            browser.rollback()
        _, complaints = process.communicate(timeout=90)
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


def test_a_run_with_a_broken_setting_does_not_pause_the_others(place: Installation) -> None:
    """Its pause belongs to its settings: workers with the file's own continue."""
    for number in range(2):
        place.poet.write(image(f"lake {number}"))
    broken = place.run("--set", "comfyui.python=/nowhere/python")
    assert broken.returncode == 3
    status = place.shell.json("status")
    assert status["paused"] is None
    [elsewhere] = status["paused_elsewhere"]
    assert elsewhere["code"] == "interpreter_missing"
    assert "comfyui.python" in elsewhere["elsewhere"]
    assert place.run().returncode == 0
    assert len(place.shell.json("status")["paused_elsewhere"]) == 1
    place.shell.run("resume")
    assert place.shell.json("status")["paused_elsewhere"] == []
