"""``mediagen`` with a queue in PostgreSQL, as a user runs it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(tmp_path: Path, postgres_database: TestDatabase) -> CommandLine:
    """A shell whose configuration names a database without tables."""
    home = tmp_path / "home"
    (home / "out").mkdir(parents=True)
    server = postgres_database.server
    settings = {
        "database": {
            "url": f"postgresql://{server.user}@127.0.0.1:{server.port}/{postgres_database.name}",
            "password": "$QUEUE_PASSWORD",
        },
        "comfyui": {"output_directory": str(home / "out")},
        "media": {"renderer": {"image": "sketch", "audio": "sketch"}, "size": {"megapixels": 0.1}},
    }
    (home / "media_generator_config.json").write_text(json.dumps(settings))
    return CommandLine(home, environment={"QUEUE_PASSWORD": server.password})


def test_prompt_from_submission_to_picture(
    shell: CommandLine, postgres_database: TestDatabase
) -> None:
    """From an empty database to a published picture, with every command that reads it."""
    password = shell.environment["QUEUE_PASSWORD"]
    texts: list[str] = []

    def run(*arguments: str) -> str:
        ended = shell.run(*arguments)
        texts.extend([ended.stdout, ended.stderr])
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    url = f"postgresql://mediagen@127.0.0.1:{postgres_database.server.port}"
    assert "Created the tables" in run("init", f"{url}/{postgres_database.name}")
    run("submit", "image", "--prompt", "A lake at dawn")
    assert "A lake at dawn" in run("list")
    report = run("doctor")
    assert re.search(r"database writes\s+a publication and a failure were tested", report)
    run("pause")
    assert shell.run("run").returncode == 3
    run("resume")
    run("run")
    [[status, prompt_id]] = postgres_database.execute("SELECT artifact_status, id FROM prompts")
    assert status == "ready"
    [[path]] = postgres_database.execute("SELECT file_path FROM prompt_artifacts")
    assert (shell.home / "out" / path).is_file()
    assert path in run("show", str(prompt_id))
    run("retry", str(prompt_id), "--again")
    assert shell.json("status")["counts"]["image"]["pending"] == 1
    run("cancel", str(prompt_id))
    run("config")
    assert password not in " ".join(texts)


def test_unreachable_database_is_explained(shell: CommandLine) -> None:
    """With the exit code of a missing database, and without a traceback."""
    shell.environment["QUEUE_PASSWORD"] = "wr0ng-one"  # noqa: S105 - on purpose
    ended = shell.run("status")
    assert ended.returncode == 3
    assert "the login was refused" in ended.stderr
    assert "wr0ng-one" not in ended.stderr
    ended = shell.run("--database", "postgresql:///queue?host=/nowhere", "list")
    assert ended.returncode == 3
    assert "no server listens on that socket" in ended.stderr


def test_missing_tables_are_explained(shell: CommandLine) -> None:
    """The database exists but is empty."""
    ended = shell.run("list")
    assert ended.returncode == 3
    assert "mediagen init" in ended.stderr
    assert "database.path" not in ended.stderr


def test_setup_accepts_an_address(tmp_path: Path, postgres_database: TestDatabase) -> None:
    """It creates the tables, writes the address without the password, and checks with it."""
    home = tmp_path / "home"
    comfyui = home / "ComfyUI"
    (comfyui / "comfy").mkdir(parents=True)
    (comfyui / "main.py").write_text("")
    shell = CommandLine(home)
    file = home / "media_generator_config.json"
    server = postgres_database.server

    def setup(url: str) -> str:
        arguments = ("--config", str(file), "--database", url, "setup", "--yes")
        done = shell.run(*arguments, "--server", "http://127.0.0.1:9")
        return done.stdout + done.stderr

    refused = setup(postgres_database.url.replace(server.password, "wr0ng-one"))
    assert "the login was refused" in refused
    assert not file.exists()
    output = setup(postgres_database.url)
    assert "has no tables yet; they will be created" in output
    assert "The password is not in the file" in output
    assert "database writes" in output  # the doctor was able to connect
    assert server.password not in output + file.read_text()
    [url] = json.loads(file.read_text())["database"].values()
    assert url == f"postgresql://{server.user}@127.0.0.1:{server.port}/{postgres_database.name}"
    assert postgres_database.execute("SELECT count(*) FROM prompts") == [(0,)]
    shell.environment["PGPASSWORD"] = server.password
    assert shell.json("--config", str(file), "status")["counts"]["image"]["pending"] == 0
