"""The table of jobs on servers: its constraints, its creation, and its queries."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.renders import SqlServerJobs
from adapters.sqlite.connection import Connection
from adapters.sqlite.statements import statements
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, object] = {
    "job_id": "0" * 36,
    "render_id": 1,
    "server": "http://127.0.0.1:8188",
    "variant": 1,
    "fingerprint": "f",
    "seed": "7",
}
INSERT = (
    f"INSERT INTO media_generator_server_jobs ({', '.join(GOOD)})"  # noqa: S608 - names from above
    f" VALUES ({', '.join(':' + name for name in GOOD)})"
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database that has the table."""
    path = fresh_database(tmp_path / "musings.db", "wide")
    with closing(Connection(path, 5.0)) as connection:
        SqlServerJobs(connection)
    return path


@pytest.mark.parametrize(
    "wrong",
    [
        {"job_id": "short"},
        {"job_id": None},
        {"render_id": None},
        {"server": ""},
        {"variant": 0},
        {"fingerprint": None},
        {"seed": None},
    ],
    ids=str,
)
def test_impossible_rows_are_refused(database: Path, wrong: dict[str, object]) -> None:
    """By the database itself."""
    with closing(sqlite3.connect(database)) as driver:
        driver.execute(INSERT, GOOD | {"job_id": "1" * 36})
        with pytest.raises(sqlite3.IntegrityError):
            driver.execute(INSERT, GOOD | wrong)


def test_a_job_has_one_row(database: Path) -> None:
    """It belongs to one render."""
    with closing(sqlite3.connect(database)) as driver:
        driver.execute(INSERT, GOOD)
        with pytest.raises(sqlite3.IntegrityError):
            driver.execute(INSERT, GOOD | {"render_id": 2})


def test_without_a_server_there_is_no_table(tmp_path: Path) -> None:
    """Our other tables are created without it."""
    path = fresh_database(tmp_path / "musings.db", "wide")
    with closing(Connection(path, 5.0)) as connection:
        sqlite_repository(connection)
        found = connection.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%server_jobs%'")
    assert found == []


@pytest.mark.parametrize(
    "name", ["earlier_jobs", "orphaned_jobs", "published_jobs", "drop_published_jobs"]
)
def test_no_query_scans_the_history(database: Path, name: str) -> None:
    """Renders are many, jobs are few: each is looked up by a key."""
    values = {"prompt_id": 1, "render_id": 2}
    with closing(sqlite3.connect(database)) as driver:
        plan = driver.execute(f"EXPLAIN QUERY PLAN {statements('server_jobs')[name]}", values)
        steps = [row[3] for row in plan]
    assert not [step for step in steps if step.startswith(("SCAN r", "SCAN f", "SCAN p"))], steps
