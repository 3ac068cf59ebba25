"""How the gallery queries SQLite: along keys and our indexes, and no further than needed."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters.sql_queue.gallery import SqlGallery
from adapters.sql_queue.known_paths import KnownPaths
from adapters.sqlite.connection import Connection
from application.ports.gallery import GalleryQuery, PromptListQuery
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from tests.contract.gallery_world import AnArtifact, APrompt, ARender, GalleryWorld
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)


class _Watched(Connection):
    """A connection that records its statements."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        super().__init__(path, timeout)

    def rows(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        self.asked.append((statement, values or {}))
        return super().rows(statement, values)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[_Watched]:
    """A database with our indexes, and one of another program's that looks useful but is not."""
    path = fresh_database(tmp_path / "m.db", "wide")
    with closing(GalleryWorld(path, indexes=True)) as world:
        world.add(
            *(APrompt(number) for number in range(1, 9)),
            *(AnArtifact(number, number) for number in range(1, 9)),
            APrompt(9, artifact_status="pending"),
            ARender(1, NOON),
            ARender(2, NOON, outcome=Outcome.FAILED, code=FailureCode.STALLED),
        )
    Poet(path).execute("CREATE INDEX theirs ON prompts (status, prompt_type)")
    with closing(_Watched(path, 5.0)) as connection:
        yield connection


def _plans(watched: _Watched, table: str) -> list[str]:
    """The query plans of the statements about a table."""
    asked, watched.asked = watched.asked, []
    found = []
    for statement, values in asked:
        if table in statement and "pragma" not in statement:
            steps = watched.rows(f"EXPLAIN QUERY PLAN {statement}", values)
            found.append(" / ".join(str(step[3]) for step in steps))
    return found


@pytest.mark.parametrize(
    "query",
    [
        GalleryQuery(),
        GalleryQuery(before=5),
        GalleryQuery(Kind.IMAGE, "ready", "lake", NOON, NOON, 5),
    ],
)
def test_a_page_walks_along_the_key(watched: _Watched, query: GalleryQuery) -> None:
    """It sorts nothing and reads no more than its range."""
    gallery = SqlGallery(watched)
    watched.asked.clear()
    gallery.page(query)
    for plan in _plans(watched, "prompt_artifacts"):
        assert "SEARCH a USING INTEGER PRIMARY KEY" in plan or "SEARCH prompt_artifacts" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "query",
    [
        PromptListQuery(),
        PromptListQuery(kind=Kind.AUDIO),
        PromptListQuery(text="lake", since=NOON, until=NOON),
        PromptListQuery(status="ready", limit=3),
    ],
)
def test_the_list_of_prompts_walks_along_our_indexes(
    watched: _Watched, query: PromptListQuery
) -> None:
    """The first page and later ones; no row is read that is not shown, nothing is sorted."""
    gallery = SqlGallery(watched)
    watched.asked.clear()
    page = gallery.prompts(query)
    if page.next:
        gallery.prompts(
            PromptListQuery(query.kind, query.status, query.text, after=page.next, limit=3)
        )
    plans = _plans(watched, "prompts AS p")
    index = "media_generator_state_" if query.status else "media_generator_listed_"
    places = [plan for plan in plans if index in plan]
    assert places
    assert all("TEMP B-TREE" not in plan for plan in places)
    assert all("json_each" in plan or plan in places for plan in plans)
    assert all("SEARCH p USING INTEGER PRIMARY KEY" in plan or plan in places for plan in plans)


def test_waiting_prompts_are_read_from_the_claim_index(watched: _Watched) -> None:
    """In its order; and last renders, by prompt."""
    gallery = SqlGallery(watched)
    watched.asked.clear()
    assert [each.id for each in gallery.waiting(Kind.IMAGE, 5)] == [9]
    moved, plan, rows = _plans(watched, "prompts AS p")
    assert "SEARCH p USING INTEGER PRIMARY KEY" in moved
    assert "media_generator_pending_image" in plan
    assert "SEARCH p USING INTEGER PRIMARY KEY" in rows
    assert "TEMP B-TREE" not in plan
    gallery.prompts(PromptListQuery())
    [plan] = _plans(watched, "max(n.render_id)")
    assert "media_generator_render_history" in plan
    assert "SCAN r" not in plan


def test_history_reads_no_further_than_needed(
    watched: _Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Along the key, down to the first range whose renders all ended too early."""
    monkeypatch.setattr("adapters.sql_queue.gallery_renders._MAX_ROWS", 10)
    with closing(GalleryWorld(watched.path)) as world:
        old = NOON.replace(year=2020)
        world.add(*(ARender(number, old) for number in range(100, 200)))
        world.add(*(ARender(number, NOON) for number in range(200, 225)))
    gallery = SqlGallery(watched)
    watched.asked.clear()
    [bucket] = gallery.history(NOON, 3600).buckets
    assert bucket.published == {Kind.IMAGE: 25}
    plans = _plans(watched, "media_generator_renders")
    assert len(plans) == 4
    assert all("SEARCH media_generator_renders USING INTEGER PRIMARY KEY" in p for p in plans)


def test_galleries_share_what_they_read(tmp_path: Path) -> None:
    """Each thread has its own gallery; a file that one listed, another finds by the table's key."""
    with closing(GalleryWorld(fresh_database(tmp_path / "m.db"))) as world, ExitStack() as stack:
        world.add(APrompt(1), AnArtifact(1, file_path="image/z.png"))
        known = KnownPaths()
        one, other = (stack.enter_context(closing(_Watched(world.path, 5.0))) for _ in range(2))
        first, second = SqlGallery(one, known), SqlGallery(other, known)
        first.page(GalleryQuery())
        other.asked.clear()
        assert second.artifact("image/z.png") is not None
        [(statement, _)] = other.asked
        assert "a.id = :artifact_id" in statement
