"""The outbox table: created if hooks are configured, and written together with outcomes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.hook_outbox import SqlHookOutbox
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sqlite.connection import Connection
from adapters.sqlite.statements import statements
from application.ports.hooks import OutboxCounts
from application.ports.prompt_repository import RepositoryError, Selection
from domain.hook_delivery import Channel, HookEvent, Subscription
from tests.contract.prompt_repository_contract import picture
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME

if TYPE_CHECKING:
    from pathlib import Path

HOOK = Subscription(HookEvent.PUBLISHED, Channel.WEBHOOK)
TABLE = "media_generator_notices"
OPEN = {
    "delivery_id": "0123456789abcdef",
    "event": "published",
    "channel": "webhook",
    "prompt_id": 1,
    "render_id": 1,
    "report": "{}",
    "created_at": "2026-01-06T21:30:45.000+00:00",
    "next_try_at": "2026-01-06T21:30:45.000+00:00",
}
TRIED = {**OPEN, "failed_attempts": 1, "last_error": "503"}
GIVEN_UP = {**TRIED, "next_try_at": None, "given_up_at": "2026-01-06T21:30:45.000+00:00"}


@pytest.fixture
def poet(tmp_path: Path) -> Poet:
    """A database without any of our tables."""
    return Poet(fresh_database(tmp_path / "musings.db", "wide"))


def _repository(connection: Connection, *hooks: Subscription) -> SqlPromptRepository:
    return SqlPromptRepository(
        connection,
        ME,
        ManualClock(),
        create_indexes=True,
        all_variants=False,
        subscriptions=hooks,
    )


def _tables(poet: Poet) -> set[str]:
    return {name for (name,) in poet.execute("SELECT name FROM sqlite_schema")}


def _insert(poet: Poet, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    poet.execute(f"INSERT INTO {TABLE} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def test_the_first_hook_creates_the_table(poet: Poet) -> None:
    """Also in a database whose other tables already exist."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection)
        assert TABLE not in _tables(poet)
        assert SqlHookOutbox(connection).counts() == OutboxCounts(0, 0)
        assert SqlHookOutbox(connection).prune(ManualClock().now()) == 0
        assert TABLE not in _tables(poet)
        _repository(connection, HOOK)
        assert TABLE in _tables(poet)
        content = poet.path.read_bytes()
        _repository(connection, HOOK)
        assert poet.path.read_bytes() == content


def test_the_database_of_a_newer_version_is_left_alone(poet: Poet) -> None:
    """A version that does not know the tables adds none."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection)
        poet.execute("UPDATE media_generator_state SET schema_version = 99")
        now = ManualClock().now()
        with pytest.raises(RepositoryError, match="newer Media Generator"):
            SqlHookOutbox(connection).acquire(HOOK, now, now)
    assert TABLE not in _tables(poet)


def test_an_outcome_and_its_message_are_written_together_or_not_at_all(poet: Poet) -> None:
    """A failed insert of either rolls back both."""
    poet.write("{}")
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = _repository(connection, HOOK)
        claim = repository.claim_next(Selection())
        assert claim is not None
        poet.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {TABLE}"
            " BEGIN SELECT raise(ABORT, 'no room for messages'); END"
        )
        with pytest.raises(RepositoryError, match="no room for messages"):
            repository.publish(claim, [picture(1)], 1.0)
        assert poet.status(1)[0] == "processing"
        assert poet.execute("SELECT count(*) FROM prompt_artifacts") == [(0,)]
        poet.execute("DROP TRIGGER refuse")
        poet.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON prompt_artifacts"
            " BEGIN SELECT raise(ABORT, 'no room for rows'); END"
        )
        with pytest.raises(RepositoryError, match="no room for rows"):
            repository.publish(claim, [picture(1)], 1.0)
        assert SqlHookOutbox(connection).counts() == OutboxCounts(0, 0)


def test_a_check_that_finds_nothing_waits_for_no_lock(poet: Poet) -> None:
    """Another program may hold the lock for a long time."""
    with closing(Connection(poet.path, 0.1)) as connection:
        _repository(connection, HOOK)
        now = ManualClock().now()
        with closing(sqlite3.connect(poet.path)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert SqlHookOutbox(connection).acquire(HOOK, now, now) is None


def test_concurrent_relays_acquire_each_message_once(poet: Poet) -> None:
    """Each over its own connection, all at the same time."""
    for _ in range(40):
        poet.write("{}")
    clock = ManualClock()
    with closing(Connection(poet.path, 30.0, durable=False)) as connection:
        repository = _repository(connection, HOOK)
        while claim := repository.claim_next(Selection()):
            repository.publish(claim, [picture(claim.prompt_id)], 1.0)
    acquired: list[int] = []

    def acquire_all() -> None:
        now, until = clock.now(), clock.now() + timedelta(seconds=60)
        with closing(Connection(poet.path, 30.0, durable=False)) as mine:
            while delivery := SqlHookOutbox(mine).acquire(HOOK, now, until):
                acquired.append(delivery.render_id)

    relays = [Thread(target=acquire_all) for _ in range(4)]
    for relay in relays:
        relay.start()
    for relay in relays:
        relay.join()
    assert sorted(acquired) == list(range(1, 41))


def test_due_messages_are_found_by_an_index(poet: Poet) -> None:
    """However many were given up or wait for other hooks."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection, HOOK)
        values = {"event": "published", "channel": "webhook", "now": "2", "until": "3"}
        values["latest"] = "4"
        for name in ("is_due", "acquire"):
            sql = f"EXPLAIN QUERY PLAN {statements('hook_outbox')[name]}"
            plan = [row[3] for row in connection.rows(sql, values)]
            assert any("media_generator_notices_due" in line for line in plan), plan
            assert not any(line.startswith("SCAN") or "TEMP" in line for line in plan), plan


@pytest.mark.parametrize("row", [OPEN, TRIED, GIVEN_UP], ids=str)
def test_possible_rows_are_accepted(poet: Poet, row: dict[str, object]) -> None:
    """Each row below differs from one of these in one way."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection, HOOK)
    _insert(poet, row)


@pytest.mark.parametrize(
    "row",
    [
        {**OPEN, "delivery_id": "short"},
        {**OPEN, "delivery_id": None},
        {**OPEN, "event": "ready"},
        {**OPEN, "channel": "mail"},
        {**OPEN, "prompt_id": None},
        {**OPEN, "render_id": None},
        {**OPEN, "report": None},
        {**OPEN, "created_at": None},
        {**OPEN, "next_try_at": None},
        {**OPEN, "failed_attempts": -1},
        {**OPEN, "failed_attempts": 1},
        {**OPEN, "last_error": "503"},
        {**TRIED, "last_error": None},
        {**TRIED, "given_up_at": "2026-01-06T21:30:45.000+00:00"},
        {**GIVEN_UP, "failed_attempts": 0, "last_error": None},
    ],
    ids=str,
)
def test_impossible_rows_are_refused(poet: Poet, row: dict[str, object]) -> None:
    """Constraints of the table refuse them."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection, HOOK)
    with pytest.raises(sqlite3.IntegrityError):
        _insert(poet, row)


def test_a_render_has_one_message_per_channel(poet: Poet) -> None:
    """Whatever the event; and no row number is used twice."""
    with closing(Connection(poet.path, 5.0)) as connection:
        _repository(connection, HOOK)
    _insert(poet, OPEN)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        _insert(poet, {**OPEN, "event": "error"})
    poet.execute(f"DELETE FROM {TABLE}")  # noqa: S608 - a constant
    _insert(poet, {**OPEN, "channel": "command"})
    assert poet.execute(f"SELECT notice_id FROM {TABLE}") == [(2,)]  # noqa: S608 - as above
