"""``mediagen init``."""

import sqlite3
from contextlib import closing

from tests.command_line import CommandLine


def test_a_new_database_takes_a_prompt_at_once(shell: CommandLine) -> None:
    """``submit`` and ``list`` work on the new database; the output says what to do next."""
    shell.database = None
    made = shell.run("init", "new.db")
    assert made.returncode == 0
    assert "submit image" in made.stdout
    assert shell.run("--database", "new.db", "submit", "image", "--prompt", "a").returncode == 0
    assert [p["text"] for p in shell.json("--database", "new.db", "list")["prompts"]] == ["a"]


def test_an_existing_file_is_refused_and_unchanged(shell: CommandLine) -> None:
    """No file is ever replaced, whatever its content."""
    there = shell.home / "there.db"
    there.write_bytes(b"mine")
    refused = shell.run("init", "there.db")
    assert refused.returncode == 2
    assert str(there) in refused.stderr
    assert there.read_bytes() == b"mine"


def test_a_missing_folder_is_reported(shell: CommandLine) -> None:
    """The message contains the command that creates the folder."""
    refused = shell.run("init", "no/such/new.db")
    assert refused.returncode == 2
    assert f"mkdir -p {shell.home}/no/such" in refused.stderr


def test_the_path_is_printed_as_json(shell: CommandLine) -> None:
    """JSON output is the absolute path, for scripts."""
    assert shell.json("init", "new.db") == {"database": str(shell.home / "new.db")}
    with closing(sqlite3.connect(shell.home / "new.db")) as driver:
        names = {name for (name,) in driver.execute("SELECT name FROM sqlite_schema")}
    assert {"prompts", "writings", "prompt_artifacts"} <= names
