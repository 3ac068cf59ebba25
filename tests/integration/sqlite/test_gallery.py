"""The gallery on tables with other programs' values, and its paging."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue import gallery as gallery_module
from adapters.sql_queue import gallery_prompts
from adapters.sql_queue.gallery import SqlGallery
from adapters.sql_queue.prompt_order import IndexedOrder, ScannedOrder
from adapters.sqlite.connection import Connection
from application.ports.gallery import GalleryQuery, PromptListQuery, Shown
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from domain.prompt import Kind
from tests.contract.gallery_contract import pages, prompt_pages
from tests.contract.gallery_world import AnArtifact, APrompt, GalleryWorld
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
OURS = "image/1_20260106T213045/a.png"


@pytest.fixture(params=[False, True], ids=["bare", "indexed"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GalleryWorld]:
    """A database with the fewest columns and constraints, so that anything fits in."""
    with closing(GalleryWorld(fresh_database(tmp_path / "m.db"), indexes=request.param)) as made:
        yield made


# ----------------------------------------------------------------- values of other programs


def test_undecodable_values_are_shown_as_well_as_possible(world: GalleryWorld) -> None:
    """Bytes that are not UTF-8, BLOBs, numbers and NULL, in every column that is shown."""
    poet = Poet(world.path)
    columns = "prompt_text, prompt_type, status, artifact_status, created_at, error_message"
    media = "prompt_id, artifact_type, file_path, preview_path, metadata, created_at"
    for number, odd in enumerate(("CAST(x'61ff62' AS TEXT)", "x'61ff62'", "12.5", "NULL"), 1):
        poet.execute(
            f"INSERT INTO prompts ({columns}, output_reference) VALUES ({odd}, 'image_prompt',"  # noqa: S608
            f" {odd}, {odd}, {odd}, {odd}, {number})"
        )
        poet.execute(f"INSERT INTO writings (id, content) VALUES ({number}, {odd})")  # noqa: S608
        values = ", ".join((str(number), *[odd] * 5))
        poet.execute(f"INSERT INTO prompt_artifacts ({media}) VALUES ({values})")  # noqa: S608
    gallery = world.gallery()
    shown = {each.id: each for each in gallery.page(GalleryQuery()).artifacts}
    assert [shown[number].file_path for number in (1, 2, 3, 4)] == ["a\ufffdb"] * 2 + ["12.5", ""]
    assert [shown[number].servable for number in (1, 2, 3, 4)] == [False, False, True, False]
    assert {each.created_at for each in shown.values()} == {None}
    assert all(each.metadata == {} for each in shown.values())
    assert shown[1].prompt_text == "a\ufffdb"
    listed = {each.id: each for each in gallery.prompts(PromptListQuery()).prompts}
    assert [listed[number].text for number in (1, 2, 3, 4)] == ["a\ufffdb"] * 2 + ["12.5", ""]
    json.dumps([each.text for each in listed.values()]).encode()
    for plain in gallery.plain_prompts([], None, 9):
        assert plain.created_at is None
    # Bytes come before text, text before numbers, NULL comes last; page by page too.
    assert prompt_pages(gallery, PromptListQuery(limit=1)) == [2, 1, 3, 4]
    assert prompt_pages(gallery, PromptListQuery(text="12", limit=1)) == [3]
    assert pages(gallery, GalleryQuery(text="a", limit=1)) == [2, 1]


def test_a_cursor_among_undecodable_dates(world: GalleryWorld) -> None:
    """It is found again to the byte, whatever the bytes are."""
    for odd in ("CAST(x'61ff62' AS TEXT)", "x'61ff62'", "12", "12.5"):
        for _ in range(3):
            Poet(world.path).execute(
                "INSERT INTO prompts (prompt_type, status, created_at)"  # noqa: S608
                f" VALUES ('image_prompt', 'completed', {odd})"
            )
    expected = [6, 5, 4, 3, 2, 1, 12, 11, 10, 9, 8, 7]
    for limit in (1, 2, 50):
        assert prompt_pages(world.gallery(), PromptListQuery(limit=limit)) == expected


def test_an_owner_that_is_not_a_number_is_ignored(world: GalleryWorld) -> None:
    """The file is shown all the same."""
    statement = "INSERT INTO prompt_artifacts (prompt_id, file_path) VALUES (?, 'image/a.png')"
    for owner in (None, "a person", 1.5):
        Poet(world.path).execute(statement, (owner,))
    assert [each.prompt_id for each in world.gallery().page(GalleryQuery()).artifacts] == [None] * 3


def test_text_that_no_column_can_hold_has_no_results(world: GalleryWorld) -> None:
    """A lone surrogate in a query is no error."""
    world.add(APrompt(1), AnArtifact(1))
    gallery = world.gallery()
    assert gallery.artifact("image/\udcff.png") is None
    assert pages(gallery, GalleryQuery(text="\udcff", status="\udcff")) == []
    assert prompt_pages(gallery, PromptListQuery(text="\udcff", status="\udcff")) == []
    assert gallery.plain_prompts(["\udcff"], "\udcff", 9) == ()


def test_a_reference_stored_as_text_finds_its_writing(tmp_path: Path) -> None:
    """As wide tables store it."""
    with closing(GalleryWorld(fresh_database(tmp_path / "m.db", "wide"))) as world:
        world.add(APrompt(7, content="the sea"))
        [prompt] = world.gallery().prompts(PromptListQuery(text="sea")).prompts
        assert prompt.writing is not None
        assert prompt.writing.content == "the sea"


# -------------------------------------------------------------------------- nothing is created


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """No table, no index, not one byte; and a missing column is named."""
    with closing(GalleryWorld(fresh_database(tmp_path / "m.db"))) as world:
        world.add(APrompt(1), AnArtifact(1))
        before = world.path.read_bytes()
        gallery = world.gallery()
        gallery.page(GalleryQuery(text="x"))
        gallery.prompts(PromptListQuery(status="ready"))
        gallery.failed(5)
        gallery.waiting(Kind.IMAGE, 5)
        gallery.history(NOON, 60)
        assert world.path.read_bytes() == before
        Poet(world.path).execute("ALTER TABLE prompts DROP COLUMN error_message")
        with pytest.raises(RepositoryError, match=r"table prompts .* no column error_message"):
            world.gallery()


def test_a_locked_database_is_busy(tmp_path: Path) -> None:
    """After the connection's lock timeout, and not for ever."""
    path = fresh_database(tmp_path / "m.db")
    with closing(Connection(path, 0.0)) as connection, closing(sqlite3.connect(path)) as other:
        gallery = SqlGallery(connection)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RepositoryBusyError):
            gallery.page(GalleryQuery())


# ---------------------------------------------------------------------------------- short pages


def test_a_range_without_a_match_ends_the_page(
    world: GalleryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty pages continue further down, and gaps between the ids are skipped."""
    monkeypatch.setattr(gallery_module, "_MAX_ROWS", 10)
    world.add(APrompt(1), AnArtifact(1, artifact_type="audio"), AnArtifact(2))
    world.add(*(AnArtifact(number) for number in range(1_000_000, 1_000_025)))
    gallery = world.gallery()
    query, lengths = GalleryQuery(kind=Kind.AUDIO), []
    while True:
        page = gallery.page(query)
        lengths.append(len(page.artifacts))
        if page.next is None:
            break
        query = GalleryQuery(kind=Kind.AUDIO, before=page.next)
    assert lengths == [0, 0, 0, 1]
    assert len(gallery.page(GalleryQuery(shown=Shown.ALL)).artifacts) == 27


def test_a_search_reads_a_limited_number_of_prompts(
    world: GalleryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then returns where to continue."""
    monkeypatch.setattr(gallery_prompts, "MAX_ROWS", 10)
    monkeypatch.setattr(IndexedOrder, "min_piece", 10)
    monkeypatch.setattr(ScannedOrder, "min_piece", 10)
    world.add(*(APrompt(number, text="old" if number == 1 else "new") for number in range(1, 31)))
    page = world.gallery().prompts(PromptListQuery(text="old"))
    assert page.prompts == ()
    assert page.next is not None
    assert page.next.prompt_id == 21
    assert prompt_pages(world.gallery(), PromptListQuery(text="old")) == [1]


def test_one_page_consists_of_several_ranges(
    world: GalleryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each prompt once, in order."""
    monkeypatch.setattr(IndexedOrder, "min_piece", 3)
    world.add(*(APrompt(number, text="old" if number % 2 else "new") for number in range(1, 31)))
    for query in (PromptListQuery(text="old"), PromptListQuery(text="old", status="ready")):
        page = world.gallery().prompts(query)
        assert [prompt.id for prompt in page.prompts] == list(range(29, 0, -2))
        assert page.next is None


def test_a_rare_status_is_found_at_once(world: GalleryWorld) -> None:
    """However many others lie between."""
    world.add(
        *(
            APrompt(number, artifact_status="error" if number in {1, 4, 39} else "ready")
            for number in range(1, 41)
        )
    )
    page = world.gallery().prompts(PromptListQuery(status="error", limit=3))
    assert ([each.id for each in page.prompts], page.next) == ([39, 4, 1], None)
    assert prompt_pages(world.gallery(), PromptListQuery(status="error", limit=1)) == [39, 4, 1]


def test_a_dropped_index_is_done_without(tmp_path: Path) -> None:
    """A program that rebuilds the table drops it; never between two statements of one answer."""
    with closing(GalleryWorld(fresh_database(tmp_path / "m.db"), indexes=True)) as world:
        world.add(
            APrompt(1), APrompt(2, artifact_status="pending"), APrompt(3, artifact_status="error")
        )
        gallery = world.gallery()
        indexes = Poet(world.path).execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'media_generator%'"
            " AND tbl_name = 'prompts' OR name = 'media_generator_failures'"
        )
        for number in range(len(indexes) + 1):
            assert prompt_pages(gallery, PromptListQuery()) == [3, 2, 1]
            assert [each.id for each in gallery.waiting(Kind.IMAGE, 9)] == [2]
            assert [each.id for each in gallery.failed(9)] == [3]
            for (name,) in indexes[number : number + 1]:
                Poet(world.path).execute(f"DROP INDEX {name}")


# ----------------------------------------------------------------------------------- by a path


def test_an_outdated_hint_is_not_trusted(world: GalleryWorld) -> None:
    """The row was deleted, or has another path: the current rows count."""
    world.add(APrompt(1), AnArtifact(1, file_path=OURS), AnArtifact(2, file_path="image/b.png"))
    gallery = world.gallery()
    gallery.page(GalleryQuery())
    poet = Poet(world.path)
    poet.execute("DELETE FROM prompt_artifacts WHERE id = 1")
    poet.execute("UPDATE prompt_artifacts SET file_path = 'image/c.png' WHERE id = 2")
    assert gallery.artifact(OURS) is None
    assert gallery.artifact("image/b.png") is None
    found = gallery.artifact("image/c.png")
    assert found is not None
    assert found.id == 2


@pytest.mark.parametrize("owner", [1, 99])
@pytest.mark.parametrize("index", [True, False])
def test_a_path_is_found_whatever_prompt_owns_it(
    world: GalleryWorld, owner: int, *, index: bool
) -> None:
    """The number in the folder's name only speeds up the search if there is an index on it."""
    if index:
        Poet(world.path).execute("CREATE INDEX theirs ON prompt_artifacts (prompt_id, file_path)")
    world.add(APrompt(1), AnArtifact(5, owner, file_path=OURS), AnArtifact(6, 1, file_path="x"))
    found = world.gallery().artifact(OURS)
    assert found is not None
    assert found.id == 5
