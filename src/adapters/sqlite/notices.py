"""The notices in SQLite: taken by compare-and-set, with a lease."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import has_notices, prepare_notices
from adapters.sqlite.rows import plain
from adapters.sqlite.statements import statements
from application.ports.notices import NoticeCounts
from domain.notice import Notice

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection
    from domain.notice import Subscription


class SqliteNotices:
    """The notices, over a connection of their own; looking works without our own tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = statements("notices")
        self._is_prepared = False

    def take(self, subscription: Subscription, now: datetime, until: datetime) -> Notice | None:
        """The notice for a hook that has been due for the longest time, or None."""
        self._prepare()
        values = {
            "event": subscription.event.value,
            "channel": subscription.channel.value,
            "now": _written(now),
            "until": _written(until),
        }
        # A look that finds nothing, as nearly all do, never asks for the lock.
        if not self._connection.rows(self._sql["is_due"], values):
            return None
        with self._connection.writing():
            for notice_id, delivery_id, *others, report in self._connection.rows(
                self._sql["take"], values
            ):
                prompt_id, render_id, created_at, failed_attempts = others
                return Notice(
                    notice_id,
                    delivery_id,
                    subscription,
                    prompt_id,
                    render_id,
                    datetime.fromisoformat(created_at),
                    failed_attempts,
                    until,
                    json.loads(report),
                )
        return None

    def delivered(self, notice: Notice) -> None:
        """Forget a notice."""
        with self._connection.writing():
            self._connection.change(self._sql["delivered"], {"notice_id": notice.notice_id})

    def release(self, notice: Notice, now: datetime) -> bool:
        """Give a notice back untried: it is due at once. False as for postpone."""
        return self._change("release", notice, now=_written(now))

    def postpone(self, notice: Notice, next_try_at: datetime, error: str) -> bool:
        """Count a failed try, and let the notice be due at that time."""
        values = {"next_try_at": _written(next_try_at), "error": plain(error)}
        return self._change("postpone", notice, **values)

    def give_up(self, notice: Notice, now: datetime, error: str) -> bool:
        """Count a failed try, and let the notice never be due again. False as for postpone."""
        return self._change("give_up", notice, now=_written(now), error=plain(error))

    def counts(self) -> NoticeCounts:
        """How many there are."""
        if not has_notices(self._connection):
            return NoticeCounts(0, 0)
        [(waiting, given_up)] = self._connection.rows(self._sql["counts"])
        return NoticeCounts(waiting, given_up)

    def forget(self, before: datetime) -> int:
        """Remove what was written down before that time, delivered or not; gives the number."""
        if not has_notices(self._connection):
            return 0
        with self._connection.writing():
            return self._connection.change(self._sql["forget"], {"before": _written(before)})

    def _change(self, name: str, notice: Notice, **values: str) -> bool:
        seen = {"notice_id": notice.notice_id, "leased_until": _written(notice.leased_until)}
        with self._connection.writing():
            return bool(self._connection.change(self._sql[name], {**seen, **values}))

    def _prepare(self) -> None:
        if not self._is_prepared:
            prepare_notices(self._connection)
            self._is_prepared = True


def _written(at: datetime) -> str:
    """A time as text that sorts by time; always UTC."""
    return at.isoformat(timespec="milliseconds")
