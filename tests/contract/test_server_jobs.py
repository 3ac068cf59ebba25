"""Contract tests of the records of server jobs, on a real file and over two connections."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderLeases, SqlServerJobs
from adapters.sqlite.connection import Connection
from tests.contract.server_jobs_contract import JobQueue, ServerJobsContract
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.databases import make_database
from tests.fakes.system import ManualClock
from tests.worker_identities import OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _SqliteYard(JobQueue):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self.outside = self._outside = SqliteOutside(path)
        mine, theirs = (Connection(path, timeout=30.0) for _ in range(2))
        stack.callback(mine.close)
        stack.callback(theirs.close)
        self.repository = sqlite_repository(mine, clock=self.clock)
        claiming = ClaimStatements(theirs, OTHER, self.clock, all_variants=False)
        self.leases = SqlRenderLeases(theirs, claiming, self.clock)
        self.jobs = SqlServerJobs(theirs)

    def execute(self, statement: str) -> None:
        self._outside.poet.execute(statement)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteServerJobs(ServerJobsContract):
    """The contract, on a real file and over two connections."""

    @pytest.fixture
    def queue(self, tmp_path: Path, journal_mode: str) -> Iterator[JobQueue]:
        """Over a new database."""
        with ExitStack() as stack:
            yield _SqliteYard(make_database(tmp_path / "musings.db", "wide", journal_mode), stack)
