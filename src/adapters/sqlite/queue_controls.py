"""The switches that survive a restart, in SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import has_bookkeeping, prepare_bookkeeping
from adapters.sqlite.rows import plain
from adapters.sqlite.shape import check_shape
from adapters.sqlite.statements import statements
from application.ports.queue_controls import Pause, PausedBy

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection


class SqliteQueueControls:
    """Pausing and resuming. Looking works without our own tables.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(self, connection: Connection) -> None:
        check_shape(connection)
        self._connection = connection
        self._sql = statements("controls")
        self._has_bookkeeping = False

    def paused(self) -> Pause | None:
        """The pause that is in force."""
        # Asked before every claim; tables of ours that were there stay there.
        self._has_bookkeeping = self._has_bookkeeping or has_bookkeeping(self._connection)
        if not self._has_bookkeeping:
            return None
        for by, reason, code, since, suspects in self._connection.rows(self._sql["paused"]):
            found = tuple(json.loads(suspects or "[]"))
            return Pause(PausedBy(by), reason, code or "", since, found)
        return None

    def pause(self, by: PausedBy, reason: str, code: str, suspects: tuple[int, ...]) -> None:
        """Pause the queue. A person's pause is never replaced by the environment's."""
        prepare_bookkeeping(self._connection, create_indexes=False)
        with self._connection.writing():
            self._connection.change(
                self._sql["pause"],
                {
                    "paused_by": by.value,
                    "pause_reason": plain(reason),
                    "pause_code": code,
                    "pause_suspects": json.dumps(suspects),
                },
            )

    def resume(self, by: PausedBy | None = None) -> bool:
        """End the pause; with ``by`` only one that was made so. Whether there was one."""
        if not has_bookkeeping(self._connection):
            return False
        with self._connection.writing():
            values = {"paused_by": by.value if by else None}
            return bool(self._connection.change(self._sql["resume"], values))
