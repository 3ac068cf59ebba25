"""The book of jobs on servers, in memory and in SQLite, keeps the contract."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.memory.clock import ManualClock
from adapters.memory.prompt_repository import InMemoryPromptRepository
from adapters.memory.render_leases import InMemoryRenderLeases
from adapters.memory.server_jobs import InMemoryServerJobs
from adapters.sqlite.claiming import Claiming
from adapters.sqlite.connection import Connection
from adapters.sqlite.render_leases import SqliteRenderLeases
from adapters.sqlite.server_jobs import SqliteServerJobs
from tests.contract.server_jobs_contract import ServerJobsContract, Yard
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.databases import make_database
from tests.owners import ME, OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _InMemoryYard(Yard):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outside = outside = InMemoryOutside()
        self.repository = InMemoryPromptRepository(outside.database, ME, self.clock)
        self.leases = InMemoryRenderLeases(outside.database, OTHER, self.clock)
        self.jobs = InMemoryServerJobs(outside.database)


class _SqliteYard(Yard):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self.outside = SqliteOutside(path)
        mine, theirs = (Connection(path, timeout=30.0) for _ in range(2))
        stack.callback(mine.close)
        stack.callback(theirs.close)
        self.repository = sqlite_repository(mine, clock=self.clock)
        claiming = Claiming(theirs, OTHER, self.clock, all_variants=False)
        self.leases = SqliteRenderLeases(theirs, claiming)
        self.jobs = SqliteServerJobs(theirs)


class TestInMemoryServerJobs(ServerJobsContract):
    """The contract, in memory."""

    @pytest.fixture
    def yard(self) -> Yard:
        """Over tables that are empty."""
        return _InMemoryYard()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteServerJobs(ServerJobsContract):
    """The contract, on a real file and over two connections."""

    @pytest.fixture
    def yard(self, tmp_path: Path, journal_mode: str) -> Iterator[Yard]:
        """Over a fresh database."""
        with ExitStack() as stack:
            yield _SqliteYard(make_database(tmp_path / "musings.db", "wide", journal_mode), stack)
