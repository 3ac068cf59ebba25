"""Notices in memory and in SQLite keep the contract."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.memory.clock import ManualClock
from adapters.memory.notices import InMemoryNotices
from adapters.memory.prompt_repository import InMemoryPromptRepository
from adapters.memory.render_leases import InMemoryRenderLeases
from adapters.sqlite.claiming import Claiming
from adapters.sqlite.connection import Connection
from adapters.sqlite.notices import SqliteNotices
from adapters.sqlite.outbox import Outbox
from adapters.sqlite.prompt_repository import SqlitePromptRepository
from adapters.sqlite.render_leases import SqliteRenderLeases
from tests.contract.notices_contract import Desk, NoticesContract
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.fresh_databases import fresh_database
from tests.owners import ME, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.notices import Notices
    from domain.notice import Subscription


class _InMemoryDesk(Desk):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outside = self._outside = InMemoryOutside()

    def subscribe(self, *subscriptions: Subscription) -> None:
        database = self._outside.database
        self.repository = InMemoryPromptRepository(database, ME, self.clock, subscriptions)
        self.leases = InMemoryRenderLeases(database, OTHER, self.clock, subscriptions)

    def reopen(self) -> Notices:
        return InMemoryNotices(self._outside.database)


class _SqliteDesk(Desk):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self.outside = SqliteOutside(path)
        self._path = path
        self._stack = stack

    def subscribe(self, *subscriptions: Subscription) -> None:
        self.repository = SqlitePromptRepository(
            self._connection(),
            ME,
            self.clock,
            create_indexes=True,
            all_variants=False,
            subscriptions=subscriptions,
        )
        theirs = self._connection()
        claiming = Claiming(theirs, OTHER, self.clock, all_variants=False)
        outbox = Outbox(theirs, self.clock, subscriptions)
        self.leases = SqliteRenderLeases(theirs, claiming, outbox)

    def reopen(self) -> Notices:
        return SqliteNotices(self._connection())

    def _connection(self) -> Connection:
        connection = Connection(self._path, timeout=30.0, durable=False)
        self._stack.callback(connection.close)
        return connection


class TestInMemoryNotices(NoticesContract):
    """The contract, in memory."""

    @pytest.fixture
    def desk(self) -> Desk:
        """Over tables that are empty."""
        return _InMemoryDesk()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteNotices(NoticesContract):
    """The contract, on a real file and over connections of their own."""

    @pytest.fixture
    def desk(self, tmp_path: Path, journal_mode: str) -> Iterator[Desk]:
        """Over a fresh database."""
        with ExitStack() as stack:
            path = fresh_database(tmp_path / "musings.db", "wide", journal_mode)
            yield _SqliteDesk(path, stack)
