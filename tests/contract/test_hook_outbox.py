"""Contract tests of the hook outboxes in memory and in SQLite."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.hook_outbox import HookOutboxWriter, SqlHookOutbox
from adapters.sql_queue.prompt_repository import ClaimStatements, SqlPromptRepository
from adapters.sql_queue.renders import SqlRenderLeases
from adapters.sqlite.connection import Connection
from tests.contract.hook_outbox_contract import HookedQueue, HookOutboxContract
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.fakes.hook_outbox import InMemoryHookOutbox
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.renders import InMemoryRenderLeases
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.hooks import HookOutbox
    from domain.hook_delivery import Subscription


class _InMemoryHookedQueue(HookedQueue):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outside = self._outside = InMemoryOutside()

    def subscribe(self, *subscriptions: Subscription) -> None:
        database = self._outside.database
        self.repository = InMemoryPromptRepository(database, ME, self.clock, subscriptions)
        self.leases = InMemoryRenderLeases(database, OTHER, self.clock, subscriptions)

    def reopen(self) -> HookOutbox:
        return InMemoryHookOutbox(self._outside.database)


class _SqliteHookedQueue(HookedQueue):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self.outside = SqliteOutside(path)
        self._path = path
        self._stack = stack

    def subscribe(self, *subscriptions: Subscription) -> None:
        self.repository = SqlPromptRepository(
            self._connection(),
            ME,
            self.clock,
            create_indexes=True,
            all_variants=False,
            subscriptions=subscriptions,
        )
        connection = self._connection()
        claiming = ClaimStatements(connection, OTHER, self.clock, all_variants=False)
        outbox = HookOutboxWriter(connection, self.clock, subscriptions)
        self.leases = SqlRenderLeases(connection, claiming, self.clock, outbox)

    def reopen(self) -> HookOutbox:
        return SqlHookOutbox(self._connection())

    def _connection(self) -> Connection:
        connection = Connection(self._path, timeout=30.0, durable=False)
        self._stack.callback(connection.close)
        return connection


class TestInMemoryHookOutbox(HookOutboxContract):
    """The contract, in memory."""

    @pytest.fixture
    def queue(self) -> HookedQueue:
        """Over empty tables."""
        return _InMemoryHookedQueue()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteHookOutbox(HookOutboxContract):
    """The contract, on a real file and over separate connections."""

    @pytest.fixture
    def queue(self, tmp_path: Path, journal_mode: str) -> Iterator[HookedQueue]:
        """Over a new database."""
        with ExitStack() as stack:
            path = fresh_database(tmp_path / "musings.db", "wide", journal_mode)
            yield _SqliteHookedQueue(path, stack)
