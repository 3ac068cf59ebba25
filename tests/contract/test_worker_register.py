"""Contract tests of the SQLite register, which also names what each worker renders."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.workers import SqlWorkerRegister
from adapters.sqlite.connection import Connection
from tests.contract.worker_register_contract import HERE, WorkerRegisterContract
from tests.databases import Poet, make_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from application.ports.workers import WorkerRegister


class TestSqliteWorkerRegister(WorkerRegisterContract):
    """Over a connection for each call, as from several containers."""

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Callable[[], WorkerRegister]]:
        """A new connection for each worker."""
        path = make_database(tmp_path / "musings.db", "wide", "wal")
        with ExitStack() as stack:

            def again() -> WorkerRegister:
                connection = Connection(path, timeout=30.0)
                stack.callback(connection.close)
                return SqlWorkerRegister(connection)

            yield again

    @pytest.fixture
    def later(self, tmp_path: Path) -> Callable[[int], None]:
        """Move the times in the rows back."""

        def passed(seconds: int) -> None:
            Poet(tmp_path / "musings.db").execute(
                "UPDATE media_generator_workers SET seen_at = datetime(seen_at, ?)",
                (f"-{seconds} seconds",),
            )

        return passed


def test_reading_creates_no_tables(tmp_path: Path) -> None:
    """Like every command that only reads."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    connection = Connection(path, timeout=5.0)
    before = path.read_bytes()
    assert SqlWorkerRegister(connection).workers() == ()
    connection.close()
    assert path.read_bytes() == before


def test_a_worker_that_has_ended_is_gone_at_once(tmp_path: Path) -> None:
    """If its machine can tell."""
    connection = Connection(make_database(tmp_path / "musings.db", "seed", "delete"), timeout=5.0)
    dead = replace(HERE, identity=replace(HERE.identity, pid=12))
    register = SqlWorkerRegister(
        connection, lambda owner, _: "its worker has ended" if owner.pid == 12 else ""
    )
    register.register(HERE)
    register.register(dead)
    gone = {worker.description.identity.pid: worker.is_gone for worker in register.workers()}
    assert gone == {11: False, 12: True}
    connection.close()
