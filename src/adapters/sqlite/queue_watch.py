"""Noticing commits of other connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import RepositoryBusyError

if TYPE_CHECKING:
    from pathlib import Path

_WAIT_SECONDS = 0.02


class SqliteQueueWatch:
    """Asks for ``PRAGMA data_version``, which changes with every commit of somebody else.

    Source: SQLite's documentation of that pragma. It reads a counter and, on journal modes other
    than WAL, takes a shared lock for a moment.

    Args:
        path: of the database.

    Raises:
        RepositoryError: the database cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, _WAIT_SECONDS, durable=False)
        self._seen: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        self._connection.check_identity()
        try:
            [(version,)] = self._connection.rows("PRAGMA data_version")
        except RepositoryBusyError:
            return False  # whoever holds the lock will commit, and the next call sees it
        before, self._seen = self._seen, version
        return bool(version != before)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
