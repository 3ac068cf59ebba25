"""A broken installation fails no prompts: they are released, and the cause is reported."""

import json
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import STEAM, Installation, image, wait_until
from tests.slow_cases import mostly_slow


def hint(code: str) -> str:
    """The remedy that the user reads."""
    return FailureCode(code).hint


def everything(installation: Installation) -> list[Path]:
    """All files and folders but the user's state folder, which holds live progress."""
    state = installation.shell.home / ".local"
    paths = installation.folder.rglob("*")
    return sorted(path for path in paths if path != state and state not in path.parents)


def test_a_missing_database_is_not_created(installation: Installation) -> None:
    """Exit code 3, the path is named, and nothing is created anywhere."""
    installation.database.unlink()
    before = everything(installation)
    ended = installation.run()
    assert ended.returncode == 3
    assert str(installation.database) in ended.stderr
    assert everything(installation) == before


@pytest.mark.parametrize("content", [b"", b"just text", b"SQLite format 3\x00" + b"\x10" * 5_000])
def test_a_file_that_is_not_a_database_is_refused_and_kept(
    installation: Installation, content: bytes
) -> None:
    """No repair is tried."""
    installation.database.write_bytes(content)
    ended = installation.run()
    assert ended.returncode == 3
    assert str(installation.database) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert installation.database.read_bytes() == content


def test_a_missing_column_is_named(installation: Installation) -> None:
    """Before anything is claimed or created."""
    installation.poet.write(image("a lake"))
    installation.poet.execute("ALTER TABLE prompts DROP COLUMN error_message")
    ended = installation.run()
    assert ended.returncode == 3
    assert "table prompts" in ended.stderr
    assert "error_message" in ended.stderr
    assert installation.statuses() == {1: "pending"}


BREAKAGES: dict[str, Callable[[Installation], object]] = {
    "interpreter_missing": lambda installation: installation.configure(
        {"comfyui": {"python": "/no/python"}}
    ),
    "script_missing": lambda installation: (installation.scripts / "image_workflow.py").unlink(),
    "output_root_missing": lambda installation: installation.root.rmdir(),
    "comfyui_missing": lambda installation: installation.configure(
        {
            "comfyui": {
                "comfyui_directory": "/no/ComfyUI",
                "output_directory": str(installation.root),
            }
        }
    ),
}


@pytest.mark.parametrize("code", BREAKAGES)
def test_missing_files_stop_the_run_before_any_claim(installation: Installation, code: str) -> None:
    """Exit code 3, code and hint on stderr, all prompts pending; nothing is created."""
    for _ in range(3):
        installation.poet.write(image("a lake"))
    BREAKAGES[code](installation)
    before = everything(installation)
    ended = installation.run()
    assert ended.returncode == 3
    assert f"{code}: " in ended.stderr
    assert hint(code) in ended.stderr
    assert {installation.poet.status(number) for number in (1, 2, 3)} == {("pending", None)}
    assert everything(installation) == before
    last = json.loads(installation.run("--json").stdout.splitlines()[-1])
    assert last["stopped_by"]["code"] == code
    assert last["stopped_by"]["hint"] == hint(code)


def test_a_non_executable_interpreter_counts_as_missing(installation: Installation) -> None:
    """Without execute permission, a file is no interpreter."""
    installation.poet.write(image("a lake"))
    (installation.folder / "python").touch(mode=0o644)
    installation.configure({"comfyui": {"python": str(installation.folder / "python")}})
    ended = installation.run()
    assert ended.returncode == 3
    assert "interpreter_missing: " in ended.stderr
    installation.check()


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("no_comfy.py", "comfyui_import"),
        pytest.param("out_of_memory.py", "out_of_memory", marks=pytest.mark.slow),
        pytest.param("other_arguments.py", "arguments_rejected", marks=pytest.mark.slow),
    ],
)
def test_an_error_of_every_prompt_stops_the_run_after_a_few(
    installation: Installation, script: str, code: str
) -> None:
    """All of them are released without an error; reason and hint are printed."""
    installation.use_scripts(script)
    for _ in range(6):
        installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 3
    assert f"{code}: " in ended.stderr
    assert hint(code) in ended.stderr
    assert {installation.poet.status(number) for number in range(1, 7)} == {("pending", None)}
    assert installation.poet.execute("SELECT count(*) FROM media_generator_renders") == [(3,)]
    if code == "comfyui_import":
        assert "No module named 'comfy" in ended.stderr
    installation.check()


def break_with(installation: Installation, fault: str, **sections: dict[str, object]) -> None:
    """From now on, every picture fails with this fault of the installation."""
    media = {
        "scripts": installation.script_paths("broken_install.py"),
        "extra_arguments": {"image": [f"--fault={fault}"]},
    }
    installation.configure({"media": media, **sections})


def pictures(installation: Installation, number: int) -> list[int]:
    """Different prompts, as a language model writes them."""
    return [
        installation.poet.write(image(f"lake number {n}, at dawn, very still"))
        for n in range(number)
    ]


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
def test_a_known_error_stops_the_run_at_once(installation: Installation, fault: str) -> None:
    """One render, no error; status and doctor show it; after the fix all are rendered."""
    break_with(installation, fault)
    ids = pictures(installation, 5)
    ended = installation.run()
    assert ended.returncode == 3
    assert {installation.poet.status(number) for number in ids} == {("pending", None)}
    assert installation.poet.execute("SELECT count(*) FROM media_generator_renders") == [(1,)]
    expected_hint = hint(CERTAIN[fault])
    for text in (
        ended.stderr,
        installation.shell.run("status").stdout,
        installation.shell.run("doctor").stdout,
    ):
        assert f"{CERTAIN[fault]}: " in text
        assert expected_hint in " ".join(text.split())
    installation.use_scripts("image_workflow.py")
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    assert installation.shell.json("status")["paused"] is None
    installation.check()


@pytest.mark.parametrize(
    "fault", mostly_slow(["no_module", "open_files", "mps_buffer", "cudnn"], "no_module")
)
def test_an_error_that_may_be_the_prompts_stops_the_run_after_three(
    installation: Installation, fault: str
) -> None:
    """Others are tried before the queue stops; no prompt ends in error."""
    break_with(installation, fault)
    ids = pictures(installation, 5)
    assert installation.run().returncode == 3
    assert {installation.poet.status(number) for number in ids} == {("pending", None)}
    assert installation.poet.execute("SELECT count(*) FROM media_generator_renders") == [(3,)]
    installation.check()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="one run"),
        pytest.param(["--limit", "1"], id="cron", marks=pytest.mark.slow),
    ],
)
def test_equal_unknown_errors_stop_the_queue(
    installation: Installation, arguments: list[str]
) -> None:
    """Two prompts fail before it is clear; the rest waits, however often a run is started."""
    break_with(installation, "unknown")
    ids = pictures(installation, 8)
    expected = [1, 1, 3, 3, 3] if arguments else [3, 3]
    assert [installation.run(*arguments).returncode for _ in expected] == expected
    statuses = installation.statuses()
    assert [statuses[number] for number in ids] == ["error"] * 2 + ["pending"] * 6
    for text in (installation.shell.run("status").stdout, installation.shell.run("doctor").stdout):
        assert "workflow_failed: " in text
        assert "Expected a 4-D tensor" in text
        assert hint("workflow_failed") in " ".join(text.split())
        assert "lake number" not in text
    installation.use_scripts("image_workflow.py")
    assert installation.shell.run("retry", "--all-errors").returncode == 0
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    installation.check()


@pytest.mark.slow
def test_one_bad_prompt_does_not_stop_the_queue(installation: Installation) -> None:
    """However often it is retried."""
    installation.use_scripts("dispatch.py")
    [bad, *good] = [installation.poet.write(image(name)) for name in ("fails", "good", "good")]
    for _ in range(4):
        assert installation.run().returncode == 1
        assert installation.poet.status(bad)[0] == "error"
        assert installation.shell.run("retry", str(bad)).returncode == 0
    assert [installation.statuses()[number] for number in good] == ["ready"] * 2
    assert installation.shell.json("status")["paused"] is None


@pytest.mark.slow
def test_first_prompts_without_files_cost_nothing(installation: Installation) -> None:
    """A script that writes elsewhere is a fault of the installation; its output is shown."""
    installation.use_scripts("no_files.py")
    ids = pictures(installation, 5)
    ended = installation.run()
    assert ended.returncode == 3
    assert "no_files: " in ended.stderr
    assert hint("no_files") in ended.stderr
    assert {installation.poet.status(number) for number in ids} == {("pending", None)}
    installation.use_scripts("image_workflow.py")
    assert installation.run().returncode == 0
    (installation.scripts / "mute.py").write_text(
        "import sys\nsys.stderr.write('the VAE is None')\n"
    )
    installation.use_scripts("dispatch.py")
    lone = installation.poet.write(image("mute"))
    assert installation.run().returncode == 1
    message = installation.poet.status(lone)[1] or ""
    assert message.startswith("no_files: ")
    assert "\nthe VAE is None\n" in message
    installation.check()


def test_the_output_of_a_script_that_exits_with_0(installation: Installation) -> None:
    """It is in the message of a broken file, of too much output, and of a wrong format."""
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
        (installation.scripts / f"{name}.py").write_text(f"{start}{find} {rest}{line}\n")
    installation.use_scripts("dispatch.py")
    installation.poet.write(image("good"))
    ids = {name: installation.poet.write(image(name)) for name in leaves}
    assert installation.run().returncode == 1
    for name, (_, code) in leaves.items():
        message = installation.poet.status(ids[name])[1] or ""
        assert message.startswith(f"{code}: ")
        assert "\nthe VAE is None\n" in message
        assert hint(code) in message


def test_songs_are_rendered_while_pictures_wait_for_a_model(installation: Installation) -> None:
    """Their success does not make the pictures fail, in this run or the next."""
    break_with(installation, "missing_model")
    ids = pictures(installation, 4)
    songs = [
        installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt") for _ in range(2)
    ]
    for _ in range(2):
        assert installation.run().returncode == 3
        assert {installation.poet.status(number) for number in ids} == {("pending", None)}
        assert [installation.statuses()[number] for number in songs] == ["ready"] * len(songs)
        songs.append(installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"))
    assert "Only image prompts wait." in installation.shell.run("status").stdout


@pytest.mark.slow
def test_several_slots_fail_no_more_prompts_than_one(installation: Installation) -> None:
    """Renders that began before the queue stopped are released."""
    break_with(installation, "unknown", workers={"image": 4}, retry={"probe_seconds": 1})
    ids = pictures(installation, 12)
    with installation.started("daemon") as process:
        wait_until(lambda: installation.shell.json("status")["paused"])
        renders = "SELECT count(*) FROM media_generator_renders WHERE outcome = 'released'"
        wait_until(lambda: installation.poet.execute(renders)[0][0] >= 5)  # probes among them
        process.terminate()
        process.communicate(timeout=90)
    statuses = [installation.statuses()[number] for number in ids]
    assert sorted(statuses) == ["error"] * 2 + ["pending"] * 10
    installation.check()


def test_a_full_disk_stops_the_run_at_once(installation: Installation) -> None:
    """It is certain to affect every other prompt."""
    installation.use_scripts("disk_full.py")
    for _ in range(3):
        installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 3
    assert "disk_full: " in ended.stderr
    assert set(installation.statuses().values()) == {"pending"}
    assert installation.poet.execute("SELECT count(*) FROM media_generator_renders") == [(1,)]
    installation.check()


def test_songs_are_rendered_while_the_image_script_is_missing(installation: Installation) -> None:
    """One unavailable kind does not delay the other; exit code 3 reports it."""
    installation.use_scripts("not_there.py")
    pictures = [installation.poet.write(image("a lake")) for _ in range(2)]
    songs = [
        installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt") for _ in range(2)
    ]
    ended = installation.run()
    assert ended.returncode == 3
    assert "script_missing: " in ended.stderr
    assert "not_there.py" in ended.stderr
    assert installation.statuses() == dict.fromkeys(pictures, "pending") | dict.fromkeys(
        songs, "ready"
    )
    assert installation.run("--kind", "audio").returncode == 0
    installation.check()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_lock_of_another_program_is_waited_out(tmp_path: Path, journal_mode: str) -> None:
    """A database browser with unsaved changes fails no prompt."""
    installation = Installation(tmp_path, "wide", journal_mode)
    for _ in range(3):
        installation.poet.write(image("a lake"))
    with closing(sqlite3.connect(installation.database, check_same_thread=False)) as browser:
        browser.isolation_level = None
        browser.execute("BEGIN EXCLUSIVE")
        free = threading.Timer(1.5, browser.rollback)
        free.start()
        ended = installation.run()
        free.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    installation.check()


@pytest.mark.slow
def test_a_lock_that_outlasts_the_timeout_is_waited_out(installation: Installation) -> None:
    """A finished render is not discarded because another program holds the lock for long."""
    installation.use_scripts("waits.py")
    installation.configure(
        {"media": {"scripts": installation.script_paths("waits.py")}, "database": {"timeout": 0.3}}
    )
    installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        with closing(sqlite3.connect(installation.database, isolation_level=None)) as browser:
            browser.execute("BEGIN IMMEDIATE")
            installation.release()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1.5)
            browser.rollback()
        _, complaints = process.communicate(timeout=90)
    assert (process.returncode, complaints) == (0, "")
    assert installation.statuses() == {1: "ready"}
    installation.check()


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
def test_a_wrong_configuration_is_exit_code_2(installation: Installation, name: str) -> None:
    """The message names the file; nothing is claimed."""
    installation.poet.write(image("a lake"))
    file = installation.shell.home / "media_generator_config.json"
    file.write_text(CONFIGURATIONS[name])
    ended = installation.run()
    assert ended.returncode == 2
    assert file.name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert installation.statuses() == {1: "pending"}


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
def test_a_wrong_command_line_is_exit_code_2(
    installation: Installation, arguments: list[str]
) -> None:
    """Without a traceback, and before anything is claimed."""
    installation.poet.write(image("a lake"))
    ended = installation.run(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert installation.statuses() == {1: "pending"}


def test_a_run_with_a_broken_setting_does_not_pause_others(installation: Installation) -> None:
    """Its pause belongs to its settings: workers with the file's own settings continue."""
    for number in range(2):
        installation.poet.write(image(f"lake {number}"))
    broken = installation.run("--set", "comfyui.python=/nowhere/python")
    assert broken.returncode == 3
    status = installation.shell.json("status")
    assert status["paused"] is None
    [elsewhere] = status["paused_elsewhere"]
    assert elsewhere["code"] == "interpreter_missing"
    assert "comfyui.python" in elsewhere["elsewhere"]
    assert installation.run().returncode == 0
    assert len(installation.shell.json("status")["paused_elsewhere"]) == 1
    installation.shell.run("resume")
    assert installation.shell.json("status")["paused_elsewhere"] == []
