"""Repositories in memory and in SQLite claim in the same order."""

from __future__ import annotations

from contextlib import closing, contextmanager
from itertools import count
from typing import TYPE_CHECKING

import pytest

from adapters.sqlite.connection import Connection
from tests.contract.claim_order_contract import ClaimOrderContract, Queue
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class TestInMemoryClaimOrder(ClaimOrderContract):
    """The contract, in memory."""

    @pytest.fixture
    def open_queue(self) -> Callable[[bool], AbstractContextManager[Queue]]:
        @contextmanager
        def opened(by_priority: bool) -> Iterator[Queue]:  # noqa: FBT001 - the contract's own
            outside = InMemoryOutside()
            repository = InMemoryPromptRepository(
                outside.database, ME, ManualClock(), by_priority=by_priority
            )
            yield Queue(outside, repository)

        return opened


@pytest.mark.parametrize("create_indexes", [True, False])
class TestSqliteClaimOrder(ClaimOrderContract):
    """The contract, on a real file, with Media Generator's indexes and without."""

    @pytest.fixture
    def open_queue(
        self, tmp_path: Path, *, create_indexes: bool
    ) -> Callable[[bool], AbstractContextManager[Queue]]:
        numbers = count()

        @contextmanager
        def opened(by_priority: bool) -> Iterator[Queue]:  # noqa: FBT001 - the contract's own
            path = fresh_database(tmp_path / f"{next(numbers)}.db", "wide", "wal")
            with closing(Connection(path, timeout=30.0)) as connection:
                repository = sqlite_repository(
                    connection, create_indexes=create_indexes, by_priority=by_priority
                )
                yield Queue(SqliteOutside(path), repository)

        return opened
