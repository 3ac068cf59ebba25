"""Contract tests of the queue controls in memory and in SQLite."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.controls import SqlQueueControls
from adapters.sqlite.connection import Connection
from application.ports.database import PausedBy, WorkerPlace
from domain.prompt import Kind
from tests.contract.queue_controls_contract import MISSING, QueueControlsContract
from tests.databases import Poet, make_database
from tests.fakes.database import InMemoryDatabase, InMemoryQueueControls
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from application.ports.database import QueueControls


class TestInMemoryQueueControls(QueueControlsContract):
    """The contract, in memory."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """A manual clock."""
        return ManualClock()

    @pytest.fixture
    def reopen(self, clock: ManualClock) -> Callable[[], QueueControls]:
        """The same tables in a new object."""
        database = InMemoryDatabase()
        return lambda: InMemoryQueueControls(database, clock)

    @pytest.fixture
    def long_ago(self, clock: ManualClock) -> Callable[[], None]:
        """Move the clock forward by an hour."""
        return lambda: clock.advance(3600)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteQueueControls(QueueControlsContract):
    """The contract, on a real file that is opened again each time."""

    @pytest.fixture
    def reopen(self, tmp_path: Path, journal_mode: str) -> Iterator[Callable[[], QueueControls]]:
        """A new connection for each."""
        path = make_database(tmp_path / "musings.db", "wide", journal_mode)
        with ExitStack() as stack:

            def again() -> QueueControls:
                connection = Connection(path, timeout=30.0)
                stack.callback(connection.close)
                return SqlQueueControls(connection)

            yield again

    @pytest.fixture
    def long_ago(self, tmp_path: Path) -> Callable[[], None]:
        """Move the time in the row back."""

        def happened() -> None:
            poet = Poet(tmp_path / "musings.db")
            poet.execute(
                "UPDATE media_generator_pauses SET paused_at = datetime(paused_at, '-1 hour')"
            )
            poet.execute("UPDATE media_generator_holds SET held_at = datetime(held_at, '-1 hour')")

        return happened


def test_reading_a_pause_creates_no_tables(tmp_path: Path) -> None:
    """A command that only reads leaves the database unchanged."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    connection = Connection(path, timeout=5.0)
    before = path.read_bytes()
    controls = SqlQueueControls(connection)
    assert (controls.paused(), controls.resume()) == (None, False)
    connection.close()
    assert path.read_bytes() == before
    assert Poet(path).execute("SELECT name FROM sqlite_schema WHERE name LIKE 'media_gen%'") == []


HERE = WorkerPlace("studio", "b1", "/etc/media.json")
OTHERS = {
    "another machine": WorkerPlace("attic", "b2", HERE.settings),
    "other settings": replace(HERE, settings="/etc/media.json and other values of comfyui.python"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_pause_of_another_machine_does_not_apply_here(
    tmp_path: Path, other: WorkerPlace
) -> None:
    """A success here does not end it, but a user who resumes the queue does."""
    path = make_database(tmp_path / "musings.db", "wide", "delete")
    with closing(Connection(path, 5.0)) as connection:
        here, there = (SqlQueueControls(connection, lambda p=p: p) for p in (HERE, other))  # type: ignore[misc]
        there.pause(PausedBy.ENVIRONMENT, "no model", "model_missing", (1,))
        assert there.paused()
        assert here.paused() is None
        [elsewhere, _] = here.pauses()
        assert (other.host in elsewhere.elsewhere) == (other.host != HERE.host)
        assert (other.settings in elsewhere.elsewhere) == (other.settings != HERE.settings)
        assert here.resume(PausedBy.ENVIRONMENT) is False
        assert there.paused()
        assert here.resume() is True
        assert there.paused() is None


def test_the_same_boot_is_the_same_machine(tmp_path: Path) -> None:
    """A Mac's host name follows its network."""
    path = make_database(tmp_path / "musings.db", "wide", "delete")
    with closing(Connection(path, 5.0)) as connection:
        before, after = (
            SqlQueueControls(connection, lambda p=p: p)  # type: ignore[misc]
            for p in (HERE, replace(HERE, host="studio.local"))
        )
        before.pause(PausedBy.ENVIRONMENT, "no model", "model_missing", (1,))
        assert after.paused()
        assert after.resume(PausedBy.ENVIRONMENT) is True


def test_the_pause_of_a_machine_that_is_gone_is_removed(tmp_path: Path) -> None:
    """After a day without news, but never the pause in force here."""
    path = make_database(tmp_path / "musings.db", "wide", "delete")
    with closing(Connection(path, 5.0)) as connection:
        here, there = (
            SqlQueueControls(connection, lambda p=p: p)  # type: ignore[misc]
            for p in (HERE, OTHERS["another machine"])
        )
        there.pause(PausedBy.ENVIRONMENT, "no model", "model_missing", (1,))
        Poet(path).execute("UPDATE media_generator_pauses SET renewed_at = '2020-01-01'")
        assert here.pauses() == ()
        assert there.paused()


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_hold_of_another_place_is_distinguished(tmp_path: Path, other: WorkerPlace) -> None:
    """What can run here says nothing about another machine; those here are named first."""
    path = make_database(tmp_path / "musings.db", "wide", "delete")
    with closing(Connection(path, 5.0)) as connection:
        here, there = (SqlQueueControls(connection, lambda p=p: p) for p in (HERE, other))  # type: ignore[misc]
        there.hold(Kind.IMAGE, "anime", MISSING)
        here.end_hold(Kind.IMAGE, "anime")
        [elsewhere] = here.holds()
        assert (other.host in elsewhere.elsewhere) == (other.host != HERE.host)
        assert (other.settings in elsewhere.elsewhere) == (other.settings != HERE.settings)
        here.hold(Kind.IMAGE, "poster", MISSING)
        assert [hold.workflow for hold in here.holds()] == ["poster", "anime"]
        there.end_hold(Kind.IMAGE, "anime")
        assert [(hold.workflow, hold.elsewhere) for hold in here.holds()] == [("poster", "")]


def test_looking_for_holds_makes_no_tables(tmp_path: Path) -> None:
    """Commands that only look leave the database as it is."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    before = path.read_bytes()
    with closing(Connection(path, 5.0)) as connection:
        controls = SqlQueueControls(connection)
        controls.end_hold(Kind.IMAGE, "anime")
        assert controls.holds() == ()
    assert path.read_bytes() == before
