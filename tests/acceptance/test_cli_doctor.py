"""``mediagen doctor``."""

import hashlib
import json
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.processes.system_processes import own_identity
from adapters.sqlite.connection import Connection
from domain.failure import Failure, FailureCode
from tests import media_samples
from tests.acceptance.test_cli_show import publish
from tests.acceptance.test_cli_status import BRIEF, claim
from tests.command_line import CommandLine
from tests.databases import Poet, make_database
from tests.worker_identities import sqlite_repository

SKETCH = [
    "--set=media.renderer.image=sketch",
    "--set=media.renderer.audio=sketch",
    "--set=comfyui.output_directory=out",
    "--set=comfyui.comfyui_directory=.",
]


# No script can be asked what it knows: that takes most of an examination's time.
NO_SCRIPTS = [
    "--set=comfyui.python=/no/such/python",
    "--set=comfyui.comfyui_directory=.",
    "--set=comfyui.output_directory=out",
]


@pytest.fixture
def sound(shell: CommandLine) -> CommandLine:
    """An installation with the sketch renderer that has nothing wrong with it."""
    (shell.home / "out").mkdir()
    return shell


def by_subject(printed: str) -> dict[str, dict[str, Any]]:
    """The checks of a document; of several with one subject the last that is not well."""
    checks = json.loads(printed)["checks"]
    checks.sort(key=lambda check: check["health"] != "ok")
    return {check["subject"]: check for check in checks}


def found(shell: CommandLine, *arguments: str) -> dict[str, dict[str, Any]]:
    """The checks of an installation with the sketch renderer."""
    return by_subject(shell.run("doctor", *SKETCH, *arguments, "--json").stdout)


def found_in_database(shell: CommandLine, *arguments: str) -> dict[str, dict[str, Any]]:
    """The checks where only the database and the files matter."""
    return by_subject(shell.run("doctor", *NO_SCRIPTS, *arguments, "--json").stdout)


def test_a_sound_installation(sound: CommandLine, poet: Poet) -> None:
    """Exit code 0, every line well, the sketch called a sketch, the pending prompts counted."""
    poet.write(BRIEF)
    poet.write(None, written=False)
    examined = sound.run("doctor", *SKETCH)
    assert examined.returncode == 0, examined.stdout
    assert examined.stdout.splitlines()[-1].startswith("ready to run")
    checks = found(sound)
    del checks["output readable by others"]  # pytest's own folder is closed to them
    assert {check["health"] for check in checks.values()} == {"ok"}
    assert "no model" in checks["image renderer"]["finding"]
    assert "1 can be rendered now, 1 wait" in checks["pending prompts"]["finding"]
    assert checks["output root"]["health"] == "ok"


def test_nothing_is_changed(sound: CommandLine, poet: Poet) -> None:
    """The database stays as it was to the byte, the output root empty."""
    poet.write(BRIEF)
    before = poet.path.read_bytes()
    sound.run("doctor", *SKETCH)
    assert poet.path.read_bytes() == before
    assert list((sound.home / "out").iterdir()) == []
    assert [name.name for name in poet.path.parent.iterdir() if "musings" in name.name] == [
        poet.path.name
    ]


def test_missing_settings_are_one_line_each_and_the_rest_is_examined(shell: CommandLine) -> None:
    """Without ComfyUI's paths each is asked for once, with the remedy; the database is checked."""
    examined = shell.run("doctor")
    assert examined.returncode == 1
    asked = [line for line in examined.stdout.splitlines() if line.startswith("error")]
    assert sum("comfyui.python is not set" in line for line in asked) == 1
    assert sum("comfyui.comfyui_directory" in line for line in asked) == 1
    assert "MEDIA_GENERATOR_COMFYUI__PYTHON" in examined.stdout
    assert "database tables" in examined.stdout


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ('{"media": {"limits": {"max_files": 0}}}', "media.limits.max_files"),
        ('{"database": {"pth": "x"}, "media": {}}', "database.pth"),
        ('{"database": ', "media_generator_config.json"),
    ],
)
def test_broken_settings_are_findings(sound: CommandLine, file: str, named: str) -> None:
    """A file that every other command refuses is a line; what is sound of it counts."""
    (sound.home / "media_generator_config.json").write_text(file)
    examined = sound.run("doctor", *SKETCH, "--json")
    assert examined.returncode == 1
    assert named in examined.stdout
    assert "Traceback" not in examined.stderr
    checks = by_subject(examined.stdout)
    assert checks["settings"]["health"] == "broken"
    assert checks["output root"]["health"] == "ok"
    assert checks["database tables"]["health"] == "ok"


def test_sound_values_of_a_broken_file_count(sound: CommandLine, tmp_path: Path) -> None:
    """The database that a file names is examined though another key in it is wrong."""
    other = make_database(tmp_path / "other.db")
    sound.database = None
    file = sound.home / "media_generator_config.json"
    file.write_text(f'{{"database": {{"path": "{other}", "timeout": "long"}}}}')
    checks = found(sound)
    assert str(other) in checks["database"]["finding"]
    assert "database.timeout" in checks["settings"]["finding"]


def test_scripts_that_are_not_there(sound: CommandLine, poet: Poet) -> None:
    """With the script renderer interpreter, ComfyUI and scripts are checked, not the sketch."""
    checks = found_in_database(
        sound, "--set=comfyui.comfyui_directory=/no/comfy", "--set=comfyui.output_directory=/no/out"
    )
    broken = {subject for subject, check in checks.items() if check["health"] == "broken"}
    expected = {"interpreter", "ComfyUI directory", "image script", "audio script", "output root"}
    assert expected <= broken


def test_the_script_of_a_named_workflow_that_is_not_there(sound: CommandLine) -> None:
    """Its entry is where to correct it, not media.scripts alone."""
    entries = json.dumps([{"name": "draft", "script": "gone.py"}])
    checks = found_in_database(sound, f"--set=media.workflows.image={entries}")
    check = checks['image script "draft"']
    assert check["health"] == "broken"
    assert "gone.py" in check["finding"]
    assert "media.workflows" in check["remedy"]


def test_the_folder_of_input_pictures(sound: CommandLine) -> None:
    """One that is not there, or is no folder, is named; without the setting nothing is said."""
    assert "input pictures" not in found(sound)
    check = found(sound, "--set=media.input_directory=pictures")["input pictures"]
    assert check["health"] == "warning"
    assert f"media.input_directory, {sound.home / 'pictures'}, does not exist" in check["finding"]
    (sound.home / "pictures").touch()
    check = found(sound, "--set=media.input_directory=pictures")["input pictures"]
    assert "is not a folder" in check["finding"]
    (sound.home / "pictures").unlink()
    (sound.home / "pictures").mkdir()
    check = found(sound, "--set=media.input_directory=pictures")["input pictures"]
    assert check["health"] == "ok"


def test_one_kind_is_examined_though_the_other_is_not_set_up(sound: CommandLine) -> None:
    """The sketch script is looked at when only the other kind lacks its interpreter."""
    checks = found(sound, "--set=media.renderer.audio=script")
    assert checks["image script"]["health"] == "ok"
    assert "comfyui.python" in checks["settings"]["finding"]


def test_a_database_that_is_not_there(sound: CommandLine) -> None:
    """One line; the file is not made; the rest is examined."""
    sound.database = sound.home / "gone.db"
    checks = found(sound)
    assert checks["database"]["health"] == "broken"
    assert not sound.database.exists()
    assert checks["output root"]["health"] == "ok"
    assert sound.run("doctor", *SKETCH).returncode == 1


def test_a_file_that_is_no_database(sound: CommandLine, poet: Poet) -> None:
    """It is named as such."""
    poet.path.write_text("a letter")
    assert "not a SQLite database" in found_in_database(sound)["database"]["finding"]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("ALTER TABLE prompts DROP COLUMN error_message", "no column error_message"),
        ("DROP TABLE writings", "no table writings"),
        ("ALTER TABLE prompt_artifacts ADD COLUMN x TEXT NOT NULL DEFAULT 1", ""),
    ],
)
def test_tables(sound: CommandLine, poet: Poet, damage: str, named: str) -> None:
    """What is missing is named by table and column; what has a default does not matter."""
    poet.execute(damage)
    check = found_in_database(sound)["database tables"]
    assert check["health"] == ("broken" if named else "ok")
    assert named in check["finding"]


def test_a_view_cannot_be_written(sound: CommandLine, poet: Poet) -> None:
    """Prompts behind a view have every column, and still no status could be set."""
    poet.execute("ALTER TABLE prompts RENAME TO all_prompts")
    poet.execute("CREATE VIEW prompts AS SELECT * FROM all_prompts")
    check = found_in_database(sound)["database tables"]
    assert (check["health"], "view" in check["finding"]) == ("broken", True)


def test_damage_is_found(sound: CommandLine, poet: Poet) -> None:
    """A page overwritten in the middle of the file fails SQLite's own check."""
    for _ in range(200):
        poet.write('{"prompt": "' + "x" * 500 + '"}')
    content = bytearray(poet.path.read_bytes())
    content[4096 * 4 : 4096 * 5] = b"\xa5" * 4096
    poet.path.write_bytes(content)
    assert found_in_database(sound)["database integrity"]["health"] == "broken"


def test_a_lock_that_is_held(sound: CommandLine, poet: Poet) -> None:
    """Who holds the write lock for longer than the wait stops the main job."""
    with closing(sqlite3.connect(poet.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check = found_in_database(sound, "--set=database.timeout=0.2")["database lock"]
    assert (check["health"], "held the write lock" in check["finding"]) == ("broken", True)
    short = found_in_database(sound, "--set=database.timeout=0.2")["database lock"]
    assert short["health"] == "warning"


def test_an_exclusive_lock_is_not_taken_for_damage(sound: CommandLine, poet: Poet) -> None:
    """What cannot be looked at is said to be locked; the other parts are examined."""
    with closing(sqlite3.connect(poet.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        checks = found_in_database(sound, "--set=database.timeout=0.2")
    assert (checks["database"]["health"], "locked" in checks["database"]["finding"]) == (
        "broken",
        True,
    )
    assert checks["output root"]["health"] == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_that_cannot_be_written(sound: CommandLine, poet: Poet) -> None:
    """Rights on the file decide."""
    poet.path.chmod(0o444)
    assert found_in_database(sound)["database lock"]["health"] == "broken"


def test_stuck_prompts(sound: CommandLine, poet: Poet) -> None:
    """A prompt in processing that no living worker holds is named; one that is held is not."""
    stuck = poet.write(BRIEF, artifact_status="processing")
    poet.write(BRIEF)
    claim(poet.path, "another-machine:1")
    check = found_in_database(sound)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {stuck} is processing" in check["finding"]
    assert f"artifact_status of {stuck} to 'pending'" in check["remedy"]


def test_a_paused_queue(sound: CommandLine) -> None:
    """It would keep a run from rendering, so it is told, with what ends it."""
    assert "paused" not in found_in_database(sound)
    assert sound.run("pause", "--reason", "holiday").returncode == 0
    check = found_in_database(sound)["paused"]
    assert check["health"] == "warning"
    assert "a person" in check["finding"]
    assert "holiday" in check["finding"]
    assert "mediagen resume" in check["remedy"]


def test_a_worker_of_this_machine_that_died(sound: CommandLine, poet: Poet) -> None:
    """Its prompt hangs until the next run, and nobody has to do more about it."""
    prompt_id = poet.write(BRIEF)
    claim(poet.path, replace(own_identity(), pid=2**22 + 1))  # beyond the largest pid
    check = found_in_database(sound)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {prompt_id} is" in check["finding"]
    assert "its worker has ended" in check["finding"]
    assert "picks it up" in check["remedy"]


def test_a_worker_whose_lease_expired(sound: CommandLine, poet: Poet) -> None:
    """It cannot be seen from here; its heartbeats tell."""
    prompt_id = poet.write(BRIEF)
    claim(poet.path, "elsewhere:7")
    assert found_in_database(sound)["in processing"]["health"] == "ok"
    poet.execute("UPDATE media_generator_renders SET heartbeat = strftime('%s', 'now') - 600")
    check = found_in_database(sound)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {prompt_id} is left unfinished" in check["finding"]
    assert "its lease expired" in check["finding"]


def test_a_worker_of_this_machine_that_lives(sound: CommandLine, poet: Poet) -> None:
    """Its prompt is not stuck."""
    poet.write(BRIEF)
    claim(poet.path, own_identity())
    assert found_in_database(sound)["in processing"]["health"] == "ok"


@pytest.mark.parametrize(
    ("path", "word"),
    [("/abs/image/1/a.png", "absolute"), ("image/1/gone.png", "missing"), ("image/1/a.png", "")],
)
def test_artifact_rows(sound: CommandLine, poet: Poet, path: str, word: str) -> None:
    """Absolute paths and files that are gone are warnings."""
    folder = sound.home / "out" / "image" / "1"
    folder.mkdir(parents=True)
    (folder / "a.png").touch()
    poet.execute("INSERT INTO prompt_artifacts (prompt_id, file_path) VALUES (1, ?)", (path,))
    check = found_in_database(sound)["artifact rows"]
    assert check["health"] == ("warning" if word else "ok")
    assert word in check["finding"]


def test_purged_files_are_not_missed(sound: CommandLine, poet: Poet) -> None:
    """They are counted; the other files of their folder must still be there."""
    folder = sound.home / "out" / "image" / "1"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        content = media_samples.png()
        (folder / name).write_bytes(content)
        facts = {
            "renderer": "sketch",
            "sha256": hashlib.sha256(content).hexdigest(),
            "file_size": len(content),
        }
        publish(poet, 1, f"image/1/{name}", json.dumps(facts))
    for options in ([], ["--now", "--yes"]):
        purged = sound.run("purge", *SKETCH, "--files", "1", *options)
        assert purged.returncode == 0, purged.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["b.png"]
    check = found_in_database(sound)["artifact rows"]
    assert (check["health"], check["finding"]) == (
        "ok",
        "the files of the newest 2 rows exist, but 1 that people purged by way of the wastebasket",
    )
    (folder / "b.png").unlink()
    assert found_in_database(sound)["artifact rows"]["health"] == "warning"


def test_the_last_trouble_of_the_environment(sound: CommandLine, poet: Poet) -> None:
    """A prompt that was given back for the environment's sake is told with its hint."""
    poet.write(BRIEF)
    failure = Failure(FailureCode.OUT_OF_MEMORY, "the GPU has no memory left")
    claim(poet.path, "w:1", failure)
    check = found(sound)["last render"]
    assert (check["health"], check["remedy"]) == ("warning", failure.hint)
    assert "out_of_memory" in check["finding"]
    examined = sound.run("doctor", *SKETCH)
    assert examined.returncode == 0
    assert re.search(r"^ready to run, \d+ warnings?\n\Z", examined.stdout, re.MULTILINE)


def test_folders_that_no_row_mentions(sound: CommandLine, poet: Poet) -> None:
    """A restored backup leaves them. Folders of other names or prompts do not matter."""
    poet.write("{}", artifact_status="ready")
    with closing(Connection(poet.path, 5.0)) as connection:
        database_id = sqlite_repository(connection).database_id
    lost = [f".staging/{database_id}-1-7-{'f' * 16}.plan", "image/1_20260106T213045_v2"]
    for name in (*lost, ".staging/other-1-7", "image/99_20260106T213045", "image/holidays"):
        (sound.home / "out" / name).mkdir(parents=True)
    check = found_in_database(sound)["folders without rows"]
    assert check["health"] == "warning"
    assert all(name in check["finding"] for name in lost)
    assert not any(name in check["finding"] for name in ("99_", "holidays", "other"))
