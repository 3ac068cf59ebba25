"""A primary PostgreSQL server with a standby that takes over."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adapters.postgres.address import PostgresAddress
from adapters.postgres.schema import create_tables
from tests.postgres.server import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 120.0  # seconds, on a busy machine


class Pair:
    """Two servers, with a database that has the shared tables.

    Attributes:
        primary: to be lost.
        standby: to be promoted.
        url: of the database, on whichever server takes writes.
    """

    def __init__(self, primary: Server, standby: Server, name: str) -> None:
        self.primary, self.standby, self._name = primary, standby, name
        address = primary.address
        hosts = ",".join(f"127.0.0.1:{each.address.port}" for each in (primary, standby))
        login = f"{address.user}:{address.password}"
        self.url = f"postgresql://{login}@{hosts}/{name}?target_session_attrs=read-write"

    def fail_over(self) -> None:
        """Lose the primary server as if its machine had crashed, and promote the standby."""
        self.primary.stop(signal.SIGKILL)
        self.standby.promote()

    def promoted_rows(self, statement: str) -> list[Any]:
        """Rows of a query on the standby, which accepts writes once promoted."""
        return self.standby.address.execute(self._name, statement)

    def primary_rows(self, statement: str) -> list[Any]:
        """Rows of a query on the primary server."""
        return self.primary.address.execute(self._name, statement)

    def synchronise(self) -> None:
        """From now on a commit waits until the standby has it, too."""
        self.primary_rows("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary_rows("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _PATIENCE
        while self.primary_rows("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def running_pair(binaries: Path) -> Iterator[Pair]:
    """Both servers, removed at the end."""
    with running_server(binaries) as primary:
        name = primary.address.create_database()
        create_tables(PostgresAddress(primary.address.url(name)))
        with running_server(binaries, primary=primary.address) as standby:
            yield Pair(primary, standby, name)
