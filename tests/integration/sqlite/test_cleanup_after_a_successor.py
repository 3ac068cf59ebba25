"""A render's files are not deleted while a successor may be about to publish them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderLeases
from adapters.sqlite.connection import Connection
from adapters.system_clock import SystemClock
from application.ports.artifact_store import RenderKey
from application.ports.prompt_repository import Selection
from domain.failure import Failure, FailureCode
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

STOPPED = Failure(FailureCode.INTERRUPTED, "the program was asked to stop")


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_the_files_of_a_successor_are_no_leftovers(tmp_path: Path, journal_mode: str) -> None:
    """Between takeover and commit the dead worker's files have no rows, and must stay."""
    path = fresh_database(tmp_path / "musings.db", "wide", journal_mode)
    Poet(path).write('{"prompt": "a lake"}')
    with closing(Connection(path, 1.0)) as connection:
        repository = sqlite_repository(connection)
        dead = repository.claim_next(Selection())
        assert dead is not None
        left = {RenderKey(dead.prompt_id, dead.render_id, dead.token)}
        claiming = ClaimStatements(connection, ME, SystemClock(), all_variants=False)
        leases = SqlRenderLeases(connection, claiming, SystemClock())
        [live] = leases.live()
        successor = leases.adopt(live)
        assert successor is not None
        assert leases.closed(left) == frozenset()
        assert repository.release(successor, STOPPED, 0.0)
        assert leases.closed(left) == left
