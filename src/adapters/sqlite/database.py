"""The shared database in a SQLite file, and noticing its commits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from adapters.sql_queue.database import SqlDatabase
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import RepositoryBusyError

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.sql_queue.workers import SqlWorkerRegister
    from adapters.sqlite.connection import LockState


class SqliteDatabase(SqlDatabase):
    """A SQLite file over one connection.

    Args:
        path: of an existing SQLite database.
        timeout: seconds to wait for locks of other programs.
        write_timeouts: number of timeouts that a write waits.
        durable: whether a commit waits until it is safe from power loss.
        lock_state: shared with other connections; None to wait the whole timeout every time.
        details: the other arguments of SqlDatabase.

    Raises:
        RepositoryError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        timeout: float,
        write_timeouts: int = 1,
        *,
        durable: bool = True,
        lock_state: LockState | None = None,
        **details: Any,  # noqa: ANN401 - as SqlDatabase has them
    ) -> None:
        connection = Connection(
            path, timeout, write_timeouts, durable=durable, lock_state=lock_state
        )
        super().__init__(connection, **details)

    @cached_property
    def workers(self) -> SqlWorkerRegister:
        """The workers of all machines; they write less often, so that a disk may sleep."""
        from adapters.sql_queue.workers import MAX_FILE_SILENCE, SqlWorkerRegister

        return SqlWorkerRegister(self.connection, self._why_lost, MAX_FILE_SILENCE)


_WATCH_WAIT_SECONDS = 0.02  # for a lock


class SqliteQueueWatch:
    """Reads ``PRAGMA data_version``, which changes with every commit of other connections.

    Source: SQLite's documentation of that pragma. It reads a counter and, in journal modes other
    than WAL, briefly takes a shared lock.

    Raises:
        RepositoryError: the database cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, _WATCH_WAIT_SECONDS, durable=False)
        self._seen: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        self._connection.check_identity()
        try:
            [(version,)] = self._connection.rows("PRAGMA data_version")
        except RepositoryBusyError:
            return False  # the program that holds the lock will commit, and the next call notices
        before, self._seen = self._seen, version
        return bool(version != before)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
