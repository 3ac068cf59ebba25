"""Contract tests of searching with SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sqlite.connection import Connection
from adapters.sqlite.search import SqliteSearch, open_search_index
from application.ports.search import SearchUnavailableError
from tests.contract.gallery_world import AnArtifact, APrompt, GalleryWorld
from tests.contract.search_contract import SearchContract, found
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.search import SearchIndex


class TestSqliteSearch(SearchContract):
    """The contract, with FTS5 in a separate file."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[GalleryWorld]:
        world = GalleryWorld(fresh_database(tmp_path / "musings.db", "wide", "wal"))
        yield world
        world.close()

    @pytest.fixture
    def index(self, world: GalleryWorld) -> Iterator[SearchIndex]:
        with (
            closing(Connection(world.path, 5.0)) as shared,
            closing(open_search_index(shared, world.path.with_name("search.db"), 5.0)) as index,
        ):
            yield index

    def change(self, world: GalleryWorld, statement: str) -> None:
        with closing(sqlite3.connect(world.path)) as driver, driver:
            driver.execute(statement)

    def test_a_users_tags_are_searched(self, world: GalleryWorld, index: SearchIndex) -> None:
        """From when they are set until they are removed."""
        world.add(APrompt(1), APrompt(2))
        world.add(AnArtifact(9, prompt_id=2))
        for statement in (
            "CREATE TABLE media_generator_tags (name TEXT, artifact_id INTEGER, added_at TEXT)",
            "INSERT INTO media_generator_tags VALUES ('Holiday cards', 9, '2026-01-01')",
        ):
            self.change(world, statement)
        assert found(index, "holiday lake") == [2]
        self.change(world, "DELETE FROM media_generator_tags")
        assert found(index, "holiday") == []

    def test_the_shared_database_is_not_written_to(
        self, world: GalleryWorld, index: SearchIndex
    ) -> None:
        """The index is a file next to the workers' state, and can be deleted."""
        world.add(APrompt(1))
        before = world.path.read_bytes()
        assert found(index, "lake") == [1]
        assert world.path.read_bytes() == before

    def test_a_library_without_fts5_is_explained(self) -> None:
        """With its version, and another way to search."""

        class Old:
            def rows(self, _: str) -> list[tuple[object, ...]]:
                return []

        with pytest.raises(SearchUnavailableError, match=r"has no FTS5.*mediagen list --text"):
            SqliteSearch().check(Old())  # type: ignore[arg-type]
