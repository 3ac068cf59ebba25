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


# Scripts are not run for their --help: that takes most of an examination's time.
NO_SCRIPTS = [
    "--set=comfyui.python=/no/such/python",
    "--set=comfyui.comfyui_directory=.",
    "--set=comfyui.output_directory=out",
]


@pytest.fixture
def installed(shell: CommandLine) -> CommandLine:
    """A valid installation with the sketch renderer."""
    (shell.home / "out").mkdir()
    return shell


def by_subject(printed: str) -> dict[str, dict[str, Any]]:
    """The checks of a document by subject; of one subject, the last that is not OK."""
    checks = json.loads(printed)["checks"]
    checks.sort(key=lambda check: check["health"] != "ok")
    return {check["subject"]: check for check in checks}


def checks_of(shell: CommandLine, *arguments: str) -> dict[str, dict[str, Any]]:
    """The checks of an installation with the sketch renderer."""
    return by_subject(shell.run("doctor", *SKETCH, *arguments, "--json").stdout)


def database_checks_of(shell: CommandLine, *arguments: str) -> dict[str, dict[str, Any]]:
    """Only the checks of the database and the files."""
    return by_subject(shell.run("doctor", *NO_SCRIPTS, *arguments, "--json").stdout)


def test_a_valid_installation(installed: CommandLine, poet: Poet) -> None:
    """Exit code 0, every check OK, the sketch renderer named, the pending prompts counted."""
    poet.write(BRIEF)
    poet.write(None, written=False)
    examined = installed.run("doctor", *SKETCH)
    assert examined.returncode == 0, examined.stdout
    assert examined.stdout.splitlines()[-1].startswith("ready to run")
    checks = checks_of(installed)
    del checks["output readable by others"]  # other users cannot read pytest's own folder
    assert {check["health"] for check in checks.values()} == {"ok"}
    assert "no model" in checks["image renderer"]["finding"]
    assert "1 can be rendered now, 1 wait" in checks["pending prompts"]["finding"]
    assert checks["output root"]["health"] == "ok"


def test_doctor_changes_nothing(installed: CommandLine, poet: Poet) -> None:
    """The database is unchanged to the byte, and the output root is empty."""
    poet.write(BRIEF)
    before = poet.path.read_bytes()
    installed.run("doctor", *SKETCH)
    assert poet.path.read_bytes() == before
    assert list((installed.home / "out").iterdir()) == []
    assert [name.name for name in poet.path.parent.iterdir() if "musings" in name.name] == [
        poet.path.name
    ]


def test_missing_settings_are_one_error_each(shell: CommandLine) -> None:
    """Each missing path of ComfyUI is an error with a remedy; the database is still checked."""
    examined = shell.run("doctor")
    assert examined.returncode == 1
    errors = [line for line in examined.stdout.splitlines() if line.startswith("error")]
    assert sum("comfyui.python is not set" in line for line in errors) == 1
    assert sum("comfyui.comfyui_directory" in line for line in errors) == 1
    assert "MEDIA_GENERATOR_COMFYUI__PYTHON" in examined.stdout
    assert "database tables" in examined.stdout


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ('{"media": {"limits": {"max_files": 0}}}', "media.limits.max_files"),
        ('{"database": {"pth": "x"}, "media": {}}', "database.pth"),
        ('{"database": ', "media_generator_config.json"),
    ],
)
def test_broken_settings_are_reported(installed: CommandLine, file: str, expected: str) -> None:
    """A file that other commands reject is one error; its valid settings are still used."""
    (installed.home / "media_generator_config.json").write_text(file)
    examined = installed.run("doctor", *SKETCH, "--json")
    assert examined.returncode == 1
    assert expected in examined.stdout
    assert "Traceback" not in examined.stderr
    checks = by_subject(examined.stdout)
    assert checks["settings"]["health"] == "broken"
    assert checks["output root"]["health"] == "ok"
    assert checks["database tables"]["health"] == "ok"


def test_valid_settings_of_a_broken_file_are_used(installed: CommandLine, tmp_path: Path) -> None:
    """The database that a file names is checked although another key in the file is invalid."""
    other = make_database(tmp_path / "other.db")
    installed.database = None
    file = installed.home / "media_generator_config.json"
    file.write_text(f'{{"database": {{"path": "{other}", "timeout": "long"}}}}')
    checks = checks_of(installed)
    assert str(other) in checks["database"]["finding"]
    assert "database.timeout" in checks["settings"]["finding"]


def test_missing_scripts(installed: CommandLine, poet: Poet) -> None:
    """With the script renderer, interpreter, ComfyUI and scripts are checked, not the sketch."""
    checks = database_checks_of(
        installed,
        "--set=comfyui.comfyui_directory=/no/comfy",
        "--set=comfyui.output_directory=/no/out",
    )
    broken = {subject for subject, check in checks.items() if check["health"] == "broken"}
    expected = {"interpreter", "ComfyUI directory", "image script", "audio script", "output root"}
    assert expected <= broken


def test_the_missing_script_of_a_named_workflow(installed: CommandLine) -> None:
    """The error names the workflow's entry, not only ``media.scripts``."""
    entries = json.dumps([{"name": "draft", "script": "gone.py"}])
    checks = database_checks_of(installed, f"--set=media.workflows.image={entries}")
    check = checks['image script "draft"']
    assert check["health"] == "broken"
    assert "gone.py" in check["finding"]
    assert "media.workflows" in check["remedy"]


def test_the_folder_of_input_pictures(installed: CommandLine) -> None:
    """A missing folder, or a file in its place, is named; an unset one is not checked."""
    assert "input pictures" not in checks_of(installed)
    check = checks_of(installed, "--set=media.input_directory=pictures")["input pictures"]
    assert check["health"] == "warning"
    assert (
        f"media.input_directory, {installed.home / 'pictures'}, does not exist" in check["finding"]
    )
    (installed.home / "pictures").touch()
    check = checks_of(installed, "--set=media.input_directory=pictures")["input pictures"]
    assert "is not a folder" in check["finding"]
    (installed.home / "pictures").unlink()
    (installed.home / "pictures").mkdir()
    check = checks_of(installed, "--set=media.input_directory=pictures")["input pictures"]
    assert check["health"] == "ok"


def test_one_kind_is_checked_although_the_other_is_not_configured(installed: CommandLine) -> None:
    """The sketch script is checked if only the other kind lacks its interpreter."""
    checks = checks_of(installed, "--set=media.renderer.audio=script")
    assert checks["image script"]["health"] == "ok"
    assert "comfyui.python" in checks["settings"]["finding"]


def test_a_missing_database(installed: CommandLine) -> None:
    """One error; the file is not created; the other checks run."""
    installed.database = installed.home / "gone.db"
    checks = checks_of(installed)
    assert checks["database"]["health"] == "broken"
    assert not installed.database.exists()
    assert checks["output root"]["health"] == "ok"
    assert installed.run("doctor", *SKETCH).returncode == 1


def test_a_file_that_is_not_a_database(installed: CommandLine, poet: Poet) -> None:
    """It is reported as such."""
    poet.path.write_text("a letter")
    assert "not a SQLite database" in database_checks_of(installed)["database"]["finding"]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("ALTER TABLE prompts DROP COLUMN error_message", "no column error_message"),
        ("DROP TABLE writings", "no table writings"),
        ("ALTER TABLE prompt_artifacts ADD COLUMN x TEXT NOT NULL DEFAULT 1", ""),
    ],
)
def test_tables(installed: CommandLine, poet: Poet, damage: str, expected: str) -> None:
    """Missing tables and columns are named; columns with a default do not matter."""
    poet.execute(damage)
    check = database_checks_of(installed)["database tables"]
    assert check["health"] == ("broken" if expected else "ok")
    assert expected in check["finding"]


def test_a_view_is_not_writable(installed: CommandLine, poet: Poet) -> None:
    """A view named prompts has every column, but no status can be set in it."""
    poet.execute("ALTER TABLE prompts RENAME TO all_prompts")
    poet.execute("CREATE VIEW prompts AS SELECT * FROM all_prompts")
    check = database_checks_of(installed)["database tables"]
    assert (check["health"], "view" in check["finding"]) == ("broken", True)


@pytest.mark.slow
def test_a_damaged_database_is_reported(installed: CommandLine, poet: Poet) -> None:
    """A page overwritten in the middle of the file fails SQLite's own integrity check."""
    for _ in range(200):
        poet.write('{"prompt": "' + "x" * 500 + '"}')
    content = bytearray(poet.path.read_bytes())
    content[4096 * 4 : 4096 * 5] = b"\xa5" * 4096
    poet.path.write_bytes(content)
    assert database_checks_of(installed)["database integrity"]["health"] == "broken"


def test_a_long_write_lock(installed: CommandLine, poet: Poet) -> None:
    """A write lock that is held for longer than the timeout would stop ``mediagen run``."""
    with closing(sqlite3.connect(poet.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check = database_checks_of(installed, "--set=database.timeout=0.2")["database lock"]
    assert (check["health"], "held the write lock" in check["finding"]) == ("broken", True)
    short = database_checks_of(installed, "--set=database.timeout=0.2")["database lock"]
    assert short["health"] == "warning"


def test_an_exclusive_lock_is_not_reported_as_damage(installed: CommandLine, poet: Poet) -> None:
    """Parts that cannot be read are reported as locked; the others are checked."""
    with closing(sqlite3.connect(poet.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        checks = database_checks_of(installed, "--set=database.timeout=0.2")
    assert (checks["database"]["health"], "locked" in checks["database"]["finding"]) == (
        "broken",
        True,
    )
    assert checks["output root"]["health"] == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_database(installed: CommandLine, poet: Poet) -> None:
    """Write permission on the file is checked."""
    poet.path.chmod(0o444)
    assert database_checks_of(installed)["database lock"]["health"] == "broken"


def test_stuck_prompts(installed: CommandLine, poet: Poet) -> None:
    """A prompt in processing is reported if no living worker holds it, and not otherwise."""
    stuck = poet.write(BRIEF, artifact_status="processing")
    poet.write(BRIEF)
    claim(poet.path, "another-machine:1")
    check = database_checks_of(installed)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {stuck} is processing" in check["finding"]
    assert f"artifact_status of {stuck} to 'pending'" in check["remedy"]


def test_a_paused_queue(installed: CommandLine) -> None:
    """A pause keeps runs from rendering, so it is reported with the command that ends it."""
    assert "paused" not in database_checks_of(installed)
    assert installed.run("pause", "--reason", "holiday").returncode == 0
    check = database_checks_of(installed)["paused"]
    assert check["health"] == "warning"
    assert "a person" in check["finding"]
    assert "holiday" in check["finding"]
    assert "mediagen resume" in check["remedy"]


def test_a_dead_worker_of_this_machine(installed: CommandLine, poet: Poet) -> None:
    """Its prompt is recovered by the next run, without any action by a person."""
    prompt_id = poet.write(BRIEF)
    claim(poet.path, replace(own_identity(), pid=2**22 + 1))  # beyond the largest pid
    check = database_checks_of(installed)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {prompt_id} is" in check["finding"]
    assert "its worker has ended" in check["finding"]
    assert "picks it up" in check["remedy"]


def test_a_worker_whose_lease_expired(installed: CommandLine, poet: Poet) -> None:
    """A worker that cannot be seen from this machine is judged by its heartbeats."""
    prompt_id = poet.write(BRIEF)
    claim(poet.path, "elsewhere:7")
    assert database_checks_of(installed)["in processing"]["health"] == "ok"
    poet.execute("UPDATE media_generator_renders SET heartbeat = strftime('%s', 'now') - 600")
    check = database_checks_of(installed)["in processing"]
    assert check["health"] == "warning"
    assert f"prompt {prompt_id} is left unfinished" in check["finding"]
    assert "its lease expired" in check["finding"]


def test_a_living_worker_of_this_machine(installed: CommandLine, poet: Poet) -> None:
    """Its prompt is not reported as stuck."""
    poet.write(BRIEF)
    claim(poet.path, own_identity())
    assert database_checks_of(installed)["in processing"]["health"] == "ok"


@pytest.mark.parametrize(
    ("path", "word"),
    [("/abs/image/1/a.png", "absolute"), ("image/1/gone.png", "missing"), ("image/1/a.png", "")],
)
def test_artifact_rows(installed: CommandLine, poet: Poet, path: str, word: str) -> None:
    """Absolute paths and missing files are warnings."""
    folder = installed.home / "out" / "image" / "1"
    folder.mkdir(parents=True)
    (folder / "a.png").touch()
    poet.execute("INSERT INTO prompt_artifacts (prompt_id, file_path) VALUES (1, ?)", (path,))
    check = database_checks_of(installed)["artifact rows"]
    assert check["health"] == ("warning" if word else "ok")
    assert word in check["finding"]


def test_purged_files_are_not_missed(installed: CommandLine, poet: Poet) -> None:
    """They are counted, and 'show' says so; the other files of their folder must still be there."""
    poet.write(BRIEF)
    folder = installed.home / "out" / "image" / "1"
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
        purged = installed.run("purge", *SKETCH, "--files", "1", *options)
        assert purged.returncode == 0, purged.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["b.png"]
    check = database_checks_of(installed)["artifact rows"]
    assert (check["health"], check["finding"]) == (
        "ok",
        "the files of the newest 2 rows exist, but 1 that people purged by way of the wastebasket",
    )
    shown = installed.run("show", *SKETCH, "1").stdout
    assert re.search(r"image/1/a\.png +purged", shown)
    artifacts = json.loads(installed.run("--json", "show", *SKETCH, "1").stdout)["artifacts"]
    assert [artifact["purged"] for artifact in artifacts] == [True, False]
    (folder / "b.png").unlink()
    assert database_checks_of(installed)["artifact rows"]["health"] == "warning"


def test_the_last_environment_error(installed: CommandLine, poet: Poet) -> None:
    """A prompt that was released because of the environment is reported with its hint."""
    poet.write(BRIEF)
    failure = Failure(FailureCode.OUT_OF_MEMORY, "the GPU has no memory left")
    claim(poet.path, "w:1", failure)
    check = checks_of(installed)["last render"]
    assert (check["health"], check["remedy"]) == ("warning", failure.hint)
    assert "out_of_memory" in check["finding"]
    examined = installed.run("doctor", *SKETCH)
    assert examined.returncode == 0
    assert re.search(r"^ready to run, \d+ warnings?\n\Z", examined.stdout, re.MULTILINE)


def test_folders_without_a_row(installed: CommandLine, poet: Poet) -> None:
    """A restored backup leaves such folders. Other folders do not matter."""
    poet.write("{}", artifact_status="ready")
    with closing(Connection(poet.path, 5.0)) as connection:
        database_id = sqlite_repository(connection).database_id
    lost = [f".staging/{database_id}-1-7-{'f' * 16}.plan", "image/1_20260106T213045_v2"]
    for name in (*lost, ".staging/other-1-7", "image/99_20260106T213045", "image/holidays"):
        (installed.home / "out" / name).mkdir(parents=True)
    check = database_checks_of(installed)["folders without rows"]
    assert check["health"] == "warning"
    assert all(name in check["finding"] for name in lost)
    assert not any(name in check["finding"] for name in ("99_", "holidays", "other"))
