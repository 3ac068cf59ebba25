"""Renders that ended long ago, in SQLite."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import has_bookkeeping
from adapters.sqlite.statements import statements
from application.ports.render_history import Forgotten

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from adapters.sqlite.connection import Connection


class SqliteRenderHistory:
    """Looks without a lock, and takes one only where something is to go.

    Args:
        connection: to the database; others may use it too.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = statements("history")

    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Look at one batch of renders, and remove those that nobody needs any more."""
        if not has_bookkeeping(self._connection):
            return Forgotten((), None)
        written = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        seen = self._connection.rows(
            self._sql["look"], {"moment": written, "after": after, "limit": limit}
        )
        old = [render_id for render_id, is_old in seen if is_old and render_id not in keep]
        return Forgotten(self._forget(old), seen[-1][0] if len(seen) == limit else None)

    def _forget(self, render_ids: list[int]) -> tuple[int, ...]:
        if not render_ids:
            return ()
        with self._connection.writing():
            asked = {"render_ids": json.dumps(render_ids)}
            gone = self._connection.rows(self._sql["forget"], asked)
        return tuple(sorted(render_id for (render_id,) in gone))
