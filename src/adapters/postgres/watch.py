"""Noticing that there may be more to render: notified by others of us, or a second has passed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from adapters.postgres.address import connect
from adapters.postgres.connection import CHANNEL
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from adapters.postgres.address import PostgresAddress

_POLL_SECONDS = 1.0  # the Poets Service does not notify, nor do claims and publications


class PostgresQueueWatch:
    """Listens in a session of its own, which must not go through PgBouncer.

    A session that cannot be opened, or is lost, is opened again; until then only time passes.

    Args:
        address: of the database, for listening.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._driver: psycopg.Connection[Any] | None = None
        self._polled_at: float | None = None

    def changed(self) -> bool:
        """Whether anything may have been committed since the last call."""
        now = time.monotonic()
        is_due = self._polled_at is None or now - self._polled_at >= _POLL_SECONDS
        if is_due and (self._driver is None or self._driver.closed):
            self._listen()
        is_notified = self._is_notified()
        if is_due or is_notified:
            self._polled_at = time.monotonic()
        return is_due or is_notified

    def close(self) -> None:
        """End the session."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(psycopg.Error):
                driver.close()

    def _listen(self) -> None:
        self.close()
        with suppress(RepositoryError, psycopg.Error):
            self._driver = connect(self._address)
            self._driver.execute(f"LISTEN {CHANNEL}")

    def _is_notified(self) -> bool:
        if self._driver is None:
            return False
        try:
            return bool(list(self._driver.notifies(timeout=0)))
        except psycopg.Error:
            self.close()
            return False
