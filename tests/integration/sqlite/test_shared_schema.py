"""Tables that lack a column, or require an unknown one, are named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import RepositoryError, Selection
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.sql_queue.prompt_repository import SqlPromptRepository

# The contract's section 1, written independently.
COLUMNS = {
    "prompts": "id prompt_text prompt_type status artifact_status output_reference created_at"
    " error_message",
    "writings": "id content_type content source_prompt_id",
    "prompt_artifacts": "id prompt_id artifact_type file_path preview_path metadata created_at"
    " updated_at",
}
EVERY_COLUMN = [(table, column) for table, names in COLUMNS.items() for column in names.split()]


def _alter(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as driver, driver:
        for statement in statements:
            driver.execute(statement)
    return path


def _refusal(path: Path) -> str:
    """The message of each part that needs the tables; nothing is changed."""
    before = path.read_bytes()
    messages = set()
    for part in (SqlPromptCatalogue, SqlPromptIntake, _repository):
        with closing(Connection(path, 1.0)) as connection:
            with pytest.raises(RepositoryError) as caught:
                part(connection)
            messages.add(str(caught.value))
    assert path.read_bytes() == before
    [message] = messages
    assert str(path) in message
    return message


def _repository(connection: Connection) -> SqlPromptRepository:
    return sqlite_repository(connection)


@pytest.mark.parametrize("schema", ["seed", "wide"])
@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_a_missing_column_is_named_with_its_table(
    tmp_path: Path, schema: str, table: str, column: str
) -> None:
    """Before anything is written, so that nothing is half done."""
    path = fresh_database(tmp_path / "musings.db", schema)
    _alter(path, f"ALTER TABLE {table} RENAME COLUMN {column} TO something_else")
    message = _refusal(path)
    assert f"table {table} " in message
    assert f"column {column};" in message


@pytest.mark.parametrize("table", COLUMNS)
def test_a_missing_table_is_named(tmp_path: Path, table: str) -> None:
    """Another program's database is recognized as not the shared one."""
    path = fresh_database(tmp_path / "musings.db")
    _alter(path, f"DROP TABLE {table}")
    assert f"no table {table};" in _refusal(path)


def test_a_required_unknown_column_of_artifacts_is_named(tmp_path: Path) -> None:
    """Our rows would be refused after the render; it is reported before."""
    path = fresh_database(tmp_path / "musings.db")
    _alter(
        path,
        "DROP TABLE prompt_artifacts",
        "CREATE TABLE prompt_artifacts (id INTEGER PRIMARY KEY, prompt_id, artifact_type,"
        " file_path, preview_path, metadata, created_at, updated_at, licence TEXT NOT NULL)",
    )
    message = _refusal(path)
    assert "column licence of table prompt_artifacts" in message
    assert "NOT NULL" in message


def test_unknown_columns_do_not_matter(tmp_path: Path) -> None:
    """With a default, nullable or generated: other programs may add any column."""
    path = fresh_database(tmp_path / "musings.db", "wide")
    for table in COLUMNS:
        _alter(
            path,
            f"ALTER TABLE {table} ADD COLUMN extra TEXT",
            f"ALTER TABLE {table} ADD COLUMN strict_extra TEXT NOT NULL DEFAULT 'x'",
            f"ALTER TABLE {table} ADD COLUMN made TEXT AS (id || '!') VIRTUAL",
        )
    Poet(path).write("{}")
    with closing(Connection(path, 1.0)) as connection:
        claim = _repository(connection).claim_next(Selection())
    assert claim is not None


@pytest.mark.parametrize("table", ["prompts", "writings"])
def test_rendering_ignores_constraints_on_inserts_only(tmp_path: Path, table: str) -> None:
    """A NOT NULL column of a table that rendering never inserts into does not matter."""
    path = fresh_database(tmp_path / "musings.db")
    Poet(path).write("{}")
    _alter(
        path,
        f"CREATE TABLE copy AS SELECT * FROM {table}",  # noqa: S608 - a constant
        f"DROP TABLE {table}",
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {_others(table)}, owner TEXT NOT NULL)",
        f"INSERT INTO {table} SELECT *, 'a person' FROM copy",  # noqa: S608
    )
    with closing(Connection(path, 1.0)) as connection:
        assert _repository(connection).claim_next(Selection()) is not None
        with pytest.raises(RepositoryError, match=f"column owner of table {table}"):
            SqlPromptIntake(connection)


def _others(table: str) -> str:
    return ", ".join(COLUMNS[table].split()[1:])
