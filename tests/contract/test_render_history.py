"""Contract tests of the render histories in memory and in SQLite."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderHistory, SqlRenderLeases
from adapters.sqlite.connection import Connection
from application.ports.renders import Forgotten
from tests.contract.render_history_contract import (
    MOMENT,
    OLD,
    Archive,
    RenderHistoryContract,
)
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.databases import Poet
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.renders import InMemoryRenderHistory, InMemoryRenderLeases
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path


class _InMemoryArchive(Archive):
    def __init__(self) -> None:
        clock = ManualClock()
        self.outside = outside = InMemoryOutside()
        self._database = outside.database
        self.repository = InMemoryPromptRepository(self._database, ME, clock)
        self.leases = InMemoryRenderLeases(self._database, OTHER, clock)
        self.history = InMemoryRenderHistory(self._database)

    def ended_at(self, render_ids: Sequence[int], moment: datetime) -> None:
        for render_id in render_ids:
            render = self._database.renders[render_id]
            assert render.finished_at is not None
            self._database.renders[render_id] = replace(render, finished_at=moment)

    def render_ids(self) -> list[int]:
        return sorted(self._database.renders)


class _SqliteArchive(Archive):
    def __init__(self, path: Path, stack: ExitStack) -> None:
        clock = ManualClock()
        self.outside = SqliteOutside(path)
        self._poet = Poet(path)
        mine, theirs = (Connection(path, timeout=30.0) for _ in range(2))
        stack.callback(mine.close)
        stack.callback(theirs.close)
        self.repository = sqlite_repository(mine, clock=clock)
        claiming = ClaimStatements(theirs, OTHER, clock, all_variants=False)
        self.leases = SqlRenderLeases(theirs, claiming, clock)
        self.history = SqlRenderHistory(theirs)

    def ended_at(self, render_ids: Sequence[int], moment: datetime) -> None:
        written = moment.strftime("%Y-%m-%d %H:%M:%S")
        for render_id in render_ids:
            self._poet.execute(
                "UPDATE media_generator_renders SET finished_at = ?"
                " WHERE render_id = ? AND outcome IS NOT NULL",
                (written, render_id),
            )

    def render_ids(self) -> list[int]:
        rows = self._poet.execute("SELECT render_id FROM media_generator_renders ORDER BY 1")
        return [render_id for (render_id,) in rows]


class TestInMemoryRenderHistory(RenderHistoryContract):
    """The contract, in memory."""

    @pytest.fixture
    def archive(self) -> Archive:
        """Over empty tables."""
        return _InMemoryArchive()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
class TestSqliteRenderHistory(RenderHistoryContract):
    """The contract, on a real file and over two connections."""

    @pytest.fixture
    def archive(self, tmp_path: Path, journal_mode: str) -> Iterator[Archive]:
        """Over a new database."""
        with ExitStack() as stack:
            path = fresh_database(tmp_path / "musings.db", "wide", journal_mode)
            yield _SqliteArchive(path, stack)


def test_housekeeping_creates_no_tables(tmp_path: Path) -> None:
    """A database without Media Generator's tables is left unchanged."""
    path = fresh_database(tmp_path / "musings.db")
    before = path.read_bytes()
    with closing(Connection(path, 5.0)) as connection:
        history = SqlRenderHistory(connection)
        forgotten = history.forget_before(MOMENT, after=0, limit=5, keep=())
    assert forgotten == Forgotten((), None)
    assert path.read_bytes() == before


def test_an_empty_round_takes_no_lock(tmp_path: Path) -> None:
    """A round without removals neither waits for a writer nor delays one."""
    path = fresh_database(tmp_path / "musings.db", "wide", "wal")
    with ExitStack() as stack:
        archive = _SqliteArchive(path, stack)
        archive.outside.add(1)
        archive.released(1)
        archive.ended_at([1], OLD)
        writer, reader = (Connection(path, timeout=0.0) for _ in range(2))
        stack.callback(writer.close)
        stack.callback(reader.close)
        with writer.writing():
            history = SqlRenderHistory(reader)
            assert history.forget_before(MOMENT, after=0, limit=5, keep=()) == Forgotten((), None)
