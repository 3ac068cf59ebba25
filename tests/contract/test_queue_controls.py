"""The switches in memory and in SQLite keep the contract."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.memory.clock import ManualClock
from adapters.memory.database import InMemoryDatabase
from adapters.memory.queue_controls import InMemoryQueueControls
from adapters.sqlite.connection import Connection
from adapters.sqlite.queue_controls import SqliteQueueControls
from tests.contract.queue_controls_contract import QueueControlsContract
from tests.databases import Poet, make_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from application.ports.queue_controls import QueueControls


class TestInMemoryQueueControls(QueueControlsContract):
    """The contract, in memory."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Moved by hand."""
        return ManualClock()

    @pytest.fixture
    def reopen(self, clock: ManualClock) -> Callable[[], QueueControls]:
        """The tables stay, the object is new."""
        database = InMemoryDatabase()
        return lambda: InMemoryQueueControls(database, clock)

    @pytest.fixture
    def long_ago(self, clock: ManualClock) -> Callable[[], None]:
        """What comes now comes an hour later."""
        return lambda: clock.advance(3600)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteQueueControls(QueueControlsContract):
    """The contract, on a real file that is opened anew each time."""

    @pytest.fixture
    def reopen(self, tmp_path: Path, journal_mode: str) -> Iterator[Callable[[], QueueControls]]:
        """A connection of its own for each."""
        path = make_database(tmp_path / "musings.db", "wide", journal_mode)
        with ExitStack() as stack:

            def again() -> QueueControls:
                connection = Connection(path, timeout=30.0)
                stack.callback(connection.close)
                return SqliteQueueControls(connection)

            yield again

    @pytest.fixture
    def long_ago(self, tmp_path: Path) -> Callable[[], None]:
        """The row says so."""

        def happened() -> None:
            Poet(tmp_path / "musings.db").execute(
                "UPDATE media_generator_state SET paused_at = datetime(paused_at, '-1 hour')"
            )

        return happened


def test_looking_for_a_pause_makes_no_tables(tmp_path: Path) -> None:
    """Whoever only looks leaves the database as it is."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    connection = Connection(path, timeout=5.0)
    before = path.read_bytes()
    controls = SqliteQueueControls(connection)
    assert (controls.paused(), controls.resume()) == (None, False)
    connection.close()
    assert path.read_bytes() == before
    assert Poet(path).execute("SELECT name FROM sqlite_schema WHERE name LIKE 'media_gen%'") == []
