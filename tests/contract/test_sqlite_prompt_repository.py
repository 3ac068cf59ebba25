"""Contract tests of the SQLite repository, on narrow and wide tables, on DELETE and WAL."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from adapters.sqlite.connection import Connection
from tests.contract.prompt_repository_contract import (
    CONTENT,
    Outside,
    PromptRepositoryContract,
    Seen,
)
from tests.databases import Poet, make_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.sql_queue.prompt_repository import SqlPromptRepository
    from tests.fakes.system import ManualClock


_WRITES = {
    "claim": "UPDATE ON prompts WHEN NEW.artifact_status = 'processing'",
    "publish": "INSERT ON prompt_artifacts",
    "fail": "UPDATE ON prompts WHEN NEW.artifact_status = 'error'",
    "release": "UPDATE ON prompts"
    " WHEN OLD.artifact_status = 'processing' AND NEW.artifact_status = 'pending'",
}


class SqliteOutside(Outside):
    def __init__(self, path: Path) -> None:
        self.poet = Poet(path)

    def add(
        self,
        prompt_id: int,
        *,
        content: str | bytes | None = CONTENT,
        **columns: Any,  # noqa: ANN401 - hands on whatever columns the contract names
    ) -> None:
        self.poet.write(content, prompt_id=prompt_id, **columns)

    def change(self, prompt_id: int, **columns: Any) -> None:  # noqa: ANN401 - as above
        for column, value in columns.items():
            self.poet.execute(
                f"UPDATE prompts SET {column} = ? WHERE id = ?",  # noqa: S608 - a test's own words
                (value, prompt_id),
            )

    def delete(self, prompt_id: int) -> None:
        self.poet.execute("DELETE FROM prompts WHERE id = ?", (prompt_id,))

    def see(self, prompt_id: int) -> Seen:
        paths = self.poet.execute(
            "SELECT file_path FROM prompt_artifacts WHERE prompt_id = ? ORDER BY id", (prompt_id,)
        )
        return Seen(*self.poet.status(prompt_id), tuple(path for (path,) in paths))

    def refuse(self, write: str, reason: str) -> None:
        self.poet.execute(
            f"CREATE TRIGGER refuses_{write} BEFORE {_WRITES[write]}"
            f" BEGIN SELECT raise(ABORT, '{reason}'); END"
        )

    def accept(self) -> None:
        for write in _WRITES:
            self.poet.execute(f"DROP TRIGGER IF EXISTS refuses_{write}")

    def outcomes(self, prompt_id: int) -> list[str | None]:
        rows = self.poet.execute(
            "SELECT outcome FROM media_generator_renders WHERE prompt_id = ? ORDER BY render_id",
            (prompt_id,),
        )
        return [outcome for (outcome,) in rows]


@pytest.mark.parametrize("schema", ["seed", "wide"])
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqlitePromptRepository(PromptRepositoryContract):
    """The contract, on a real file."""

    @pytest.fixture
    def outside(self, tmp_path: Path, schema: str, journal_mode: str) -> SqliteOutside:
        return SqliteOutside(make_database(tmp_path / "musings.db", schema, journal_mode))

    @pytest.fixture
    def repository(
        self, outside: SqliteOutside, clock: ManualClock
    ) -> Iterator[SqlPromptRepository]:
        with closing(Connection(outside.poet.path, timeout=30.0)) as connection:
            yield sqlite_repository(connection, clock=clock)
