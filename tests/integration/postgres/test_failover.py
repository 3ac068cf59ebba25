"""A standby that takes over at the moment of a commit."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress, UnreachableError, connect
from adapters.postgres.connection import Connection, LostSessionError
from tests.postgres.standby import running_pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_CHANGE = "INSERT INTO prompts (prompt_text, prompt_type) VALUES ('a', 'poetry')"


class _Interrupted(Connection):
    """Something happens right before a commit is sent, or right before its answer arrives.

    Attributes:
        happen: what it is; None once it happened.
        answered: whether the commit was sent and only its answer was lost.
    """

    happen: Callable[[], None] | None = None
    answered = False

    def _commit(self, statement: str) -> None:
        happen, self.happen = self.happen, None
        if happen is not None and self.answered and self._driver is not None:
            self._driver.execute(statement.encode())
            happen()
        elif happen is not None:
            happen()
        super()._commit(statement)


def _change(connection: Connection) -> str:
    """Add a prompt; returns the number of the transaction."""
    with connection.writing():
        connection.change(_CHANGE)
        assert connection._mark is not None  # noqa: SLF001 - what the look-up goes by
        return str(connection._mark["number"])  # noqa: SLF001


def test_a_commit_that_the_standby_lacks_is_not_taken_for_that_of_another(
    postgres_binaries: Path,
) -> None:
    """On the new primary the number of the lost transaction is that of a committed one."""
    with running_pair(postgres_binaries) as pair:
        pair.standby.stop()  # and receives nothing from now on
        numbers: list[object] = []

        def fail_over() -> None:
            assert connection._mark is not None  # noqa: SLF001 - what the look-up goes by
            numbers.append(connection._mark["number"])  # noqa: SLF001
            pair.primary.stop(signal.SIGKILL)
            pair.standby.start()
            pair.standby.promote()
            pair.promoted_rows("CREATE TABLE busy (x int)")
            for _ in range(20):
                pair.promoted_rows("INSERT INTO busy VALUES (1)")

        with closing(_Interrupted(PostgresAddress(pair.url), 30.0)) as connection:
            connection.happen = fail_over
            with pytest.raises(LostSessionError):
                _change(connection)
        status = f"SELECT pg_xact_status('{numbers[0]}'::xid8)"
        assert pair.promoted_rows(status) == [("committed",)]
        assert pair.promoted_rows("SELECT 1 FROM prompts") == []


def test_a_commit_that_the_standby_has_is_found_there(postgres_binaries: Path) -> None:
    """Only its answer was lost: it is not repeated."""
    with running_pair(postgres_binaries) as pair:
        pair.synchronise()
        with closing(_Interrupted(PostgresAddress(pair.url), 30.0)) as connection:
            connection.happen, connection.answered = pair.fail_over, True
            _change(connection)
        assert pair.promoted_rows("SELECT prompt_text FROM prompts") == [("a",)]


def test_a_standby_alone_is_explained(postgres_binaries: Path) -> None:
    """Until it is promoted, nothing takes writes."""
    with running_pair(postgres_binaries) as pair:
        pair.primary.stop()
        with pytest.raises(UnreachableError, match="target_session_attrs asks for") as caught:
            connect(PostgresAddress(pair.url))
        assert pair.primary.address.password not in str(caught.value)
        assert str(caught.value).count("connection to server at") == 2  # one for each of them
        pair.standby.promote()
        connect(PostgresAddress(pair.url)).close()
