"""Contract tests of the records of named workflows, on a real file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.workflow_records import SqlWorkflowRecords
from adapters.sqlite.connection import Connection
from adapters.sqlite.shared_schema import create_database
from application.ports.workflows import PromptHints
from tests.contract.workflow_records_contract import WorkflowRecordsContract
from tests.databases import make_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.prompt_repository import PromptRepository


class TestSqliteWorkflowRecords(WorkflowRecordsContract):
    """With every column that prompts may have in practice."""

    @pytest.fixture
    def connection(self, tmp_path: Path) -> Iterator[Connection]:
        """A connection to a new database."""
        create_database(tmp_path / "queue.db")
        with closing(Connection(tmp_path / "queue.db", timeout=30.0)) as connection:
            yield connection

    @pytest.fixture
    def repository(self, connection: Connection) -> PromptRepository:
        """Creates Media Generator's tables."""
        return sqlite_repository(connection)

    @pytest.fixture
    def intake(self, connection: Connection) -> SqlPromptIntake:
        """Over the same connection."""
        return SqlPromptIntake(connection)

    @pytest.fixture
    def workflow_records(self, connection: Connection) -> SqlWorkflowRecords:
        """Over the same connection."""
        return SqlWorkflowRecords(connection)


def test_reading_without_our_tables_creates_nothing(tmp_path: Path) -> None:
    """Without the tables and the column, no records are returned."""
    path = make_database(tmp_path / "seed.db")
    with closing(Connection(path, timeout=30.0)) as connection:
        records = SqlWorkflowRecords(connection)
        assert records.hints([1]) == {1: PromptHints()}
        assert records.rendered_with(1) == ()
        assert records.names([1]) == {}
