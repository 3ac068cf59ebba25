"""Contract tests of the leases in memory and in SQLite."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderLeases
from adapters.sqlite.connection import Connection
from tests.contract.render_leases_contract import LeasedQueue, RenderLeasesContract
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.databases import make_database
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.renders import InMemoryRenderLeases
from tests.fakes.system import ManualClock
from tests.worker_identities import ME, OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _InMemoryWard(LeasedQueue):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outside = outside = InMemoryOutside()
        self.repository = InMemoryPromptRepository(outside.database, ME, self.clock)
        self.leases = InMemoryRenderLeases(outside.database, OTHER, self.clock)


class _SqliteWard(LeasedQueue):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self.outside = SqliteOutside(path)
        mine, theirs = (Connection(path, timeout=30.0) for _ in range(2))
        stack.callback(mine.close)
        stack.callback(theirs.close)
        self.repository = sqlite_repository(mine, clock=self.clock)
        claiming = ClaimStatements(theirs, OTHER, self.clock, all_variants=False)
        self.leases = SqlRenderLeases(theirs, claiming, self.clock)


class TestInMemoryRenderLeases(RenderLeasesContract):
    """The contract, in memory."""

    @pytest.fixture
    def queue(self) -> LeasedQueue:
        """Over empty tables."""
        return _InMemoryWard()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteRenderLeases(RenderLeasesContract):
    """The contract, on a real file and over two connections."""

    @pytest.fixture
    def queue(self, tmp_path: Path, journal_mode: str) -> Iterator[LeasedQueue]:
        """Over a new database."""
        with ExitStack() as stack:
            yield _SqliteWard(make_database(tmp_path / "musings.db", "wide", journal_mode), stack)
