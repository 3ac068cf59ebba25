"""Counting the prompts of a queue: by our indexes, without them, and what is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.postgres.connection import Connection
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from domain.prompt import Kind
from tests.fakes.system import ManualClock
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.prompt_catalogue import QueueSummary
    from tests.contract.postgres_outside import PostgresOutside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_STATES = (
    ("pending", "completed", None),
    ("pending", "completed", None),
    ("pending", "unprocessed", None),
    ("ready", "completed", None),
    ("ready", "completed", None),
    ("ready", "completed", None),
    ("ready", "unprocessed", None),
    ("error", "completed", "stalled: x"),
    ("error", "completed", "cancelled"),
    ("error", "completed", "cancelled: by a person"),
    ("unsupported", "completed", None),
    (None, "completed", None),
    (None, "unprocessed", None),
)
_COUNTS = {"pending": 1, "ready": 3, "error": 1, "cancelled": 2, "unsupported": 1, "": 1}
_MOVE = "UPDATE prompts SET artifact_status = 'error', error_message = 'x' WHERE id = %s"


class Counting(Connection):
    """Notes which statements ran."""

    counted = 0

    def rows(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> list[tuple[object, ...]]:
        """As usual."""
        self.counted += "min(p.created_at" in statement
        return super().rows(statement, values)


@pytest.fixture
def connection(others: PostgresOutside) -> Counting:
    """To a database in which every state occurs."""
    connection = others.closing(Counting(others.address, 30.0))
    others.repository(ManualClock(), ME, connection)  # creates the indexes
    for number, (artifact_status, status, message) in enumerate(_STATES, start=1):
        others.add(number)
        others.execute(
            "UPDATE prompts SET artifact_status = %s, status = %s, error_message = %s,"
            " created_at = %s WHERE id = %s",
            (artifact_status, status, message, f"2026-01-{number:02} 00:00:00", number),
        )
    # A prompt that waits for its writing is not yet in the queue.
    others.execute("UPDATE prompts SET output_reference = NULL WHERE id = 1")
    return connection


def _check(summary: QueueSummary) -> None:
    assert summary.counts == {Kind.IMAGE: _COUNTS}
    # One that is completed, and one that is not.
    assert summary.unwritten == {Kind.IMAGE: 2}
    assert summary.oldest_pending == {Kind.IMAGE: "2026-01-02 00:00:00"}


def test_numbers_are_the_same_with_indexes_and_without(
    others: PostgresOutside, connection: Counting
) -> None:
    """Someone may have dropped them, or the user may not create any."""
    _check(SqlPromptCatalogue(connection).summary())
    by_index, connection.counted = connection.counted, 0
    others.execute("DROP INDEX media_generator_state_image")
    try:
        _check(SqlPromptCatalogue(connection).summary())
    finally:
        others.repository(ManualClock(), ME, connection)
    assert (by_index, connection.counted) == (len(Kind), 1)


def test_numbers_are_remembered_until_something_is_written(
    others: PostgresOutside, connection: Counting
) -> None:
    """By any program; and a new session counts again, since the server may be another one."""
    catalogue = SqlPromptCatalogue(connection)
    _check(catalogue.summary())
    counted = connection.counted
    _check(catalogue.summary())
    assert connection.counted == counted
    others.execute(_MOVE, (4,))
    summary = catalogue.summary()
    assert summary.counts[Kind.IMAGE]["ready"] == _COUNTS["ready"] - 1
    assert connection.counted > counted
    counted = connection.counted
    connection.close()
    assert catalogue.summary() == summary
    assert connection.counted > counted


def test_numbers_within_a_transaction_are_not_remembered(
    others: PostgresOutside, connection: Counting
) -> None:
    """It may be rolled back."""
    catalogue = SqlPromptCatalogue(connection)
    with connection.rehearsing():
        connection.change(_MOVE.replace("%s", ":id"), {"id": 4})
        assert catalogue.summary().counts[Kind.IMAGE]["ready"] == _COUNTS["ready"] - 1
    _check(catalogue.summary())
