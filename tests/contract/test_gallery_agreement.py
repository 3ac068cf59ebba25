"""For any query on any tables, SQLite returns page by page what plain Python returns."""

from __future__ import annotations

import string
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sql_queue import gallery as gallery_module
from adapters.sql_queue import gallery_prompts, prompt_order
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sqlite.connection import Connection
from application.ports.gallery import GalleryQuery, PromptListQuery
from application.ports.prompt_catalogue import PromptQuery
from domain.prompt import Kind, shown_status
from domain.timestamps import TimeRange, iso_timestamp
from tests.contract.gallery_contract import pages, prompt_pages
from tests.contract.gallery_world import AnArtifact, APrompt, GalleryWorld
from tests.fresh_databases import fresh_database

DAY = datetime(2026, 1, 6, tzinfo=UTC)
TIMES = (
    None,
    "never",
    "2026-01-05 23:59:59",
    "2026-01-06 00:00:00",
    "2026-01-06T02:00:00+02:00",
    "2026-01-06T00:00:00Z",
    "2026-01-06 12:00:00",
    "2026-01-08 12:00:00",
)
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
WORDS = ("lake", "A lake", "sea", "", "50%", "äöü")

prompts = st.builds(
    APrompt,
    id=st.integers(1, 30),
    prompt_type=st.sampled_from(("image_prompt", "lyrics_prompt", "poetry")),
    text=st.sampled_from(WORDS),
    artifact_status=st.sampled_from(("ready", "pending", "odd", "error", "cancelled")),
    error_message=st.sampled_from(
        (None, "cancelled", "cancelled: x", "cancelledx", "Cancelled: x")
    ),
    created_at=st.sampled_from(TIMES),
    content=st.none() | st.sampled_from(WORDS),
    written=st.booleans(),
    status=st.sampled_from(("completed", "processing")),
)
artifacts = st.builds(
    AnArtifact,
    id=st.integers(1, 40) | st.integers(1_000, 1_040),
    prompt_id=st.integers(1, 30),
    artifact_type=st.sampled_from(("image", "audio", "video")),
    created_at=st.sampled_from(TIMES),
)
kinds = st.none() | st.sampled_from(Kind)
statuses = st.none() | st.sampled_from(("ready", "pending", "odd", "unknown", "error", "cancelled"))
texts = st.none() | st.sampled_from(("lake", "LAKE", "%", "ä", "x"))
moments = st.none() | st.builds(
    lambda hours: DAY + timedelta(hours=hours), st.integers(-30, 60).map(lambda n: n * 2)
)


def _contains(text: str | None, *places: str | None) -> bool:
    """Whether a text occurs in one of the values, ignoring the case of ASCII letters."""
    return text is None or any(
        text.translate(LOWER) in place.translate(LOWER) for place in places if place is not None
    )


def _shown(row: APrompt) -> str:
    return shown_status(row.artifact_status, row.error_message)


def _media_asked(query: GalleryQuery, rows: list[APrompt], files: list[AnArtifact]) -> list[int]:
    """The ids of the artifacts that match a query, newest first."""
    prompts = {row.id: row for row in rows}
    time_range, found = TimeRange(query.since, query.until), []
    for file in sorted(files, key=lambda file: file.id, reverse=True):
        row = prompts.get(file.prompt_id)
        texts = (row.text, row.content if row.written else None) if row else (file.metadata,)
        if (
            (query.kind is None or file.artifact_type == query.kind.value)
            and (query.status is None or (row and _shown(row) == query.status))
            and _contains(query.text, *texts)
            and time_range.contains(iso_timestamp(file.created_at))
        ):
            found.append(file.id)
    return found


def _newest_first(rows: list[APrompt]) -> list[APrompt]:
    """Sorted as text, undated ones last."""
    return sorted(
        rows,
        key=lambda row: (row.created_at is not None, row.created_at or "", row.id),
        reverse=True,
    )


def _prompts_asked(query: PromptListQuery, rows: list[APrompt]) -> list[int]:
    """The ids of Media Generator's prompts that match a query, newest first."""
    time_range = TimeRange(query.since, query.until)
    return [
        row.id
        for row in _newest_first(rows)
        if (kind := Kind.of_prompt_type(row.prompt_type))
        and query.kind in {None, kind}
        and query.status in {None, _shown(row)}
        and _contains(query.text, row.text, row.content if row.written else None)
        and time_range.contains(row.created_at)
    ]


def _counted(rows: list[APrompt]) -> tuple[dict[Kind, dict[str, int]], dict[Kind, int]]:
    """Prompts by kind and status, only claimable ones if pending; and other programs' prompts."""
    counts: dict[Kind, Counter[str]] = {}
    unwritten: Counter[Kind] = Counter()
    for row in rows:
        kind = Kind.of_prompt_type(row.prompt_type)
        is_claimable = row.status == "completed" and row.written
        if kind and row.artifact_status == "pending" and not is_claimable:
            unwritten[kind] += 1
        elif kind and row.status == "completed":
            counts.setdefault(kind, Counter())[_shown(row)] += 1
    return {kind: dict(numbers) for kind, numbers in counts.items()}, dict(unwritten)


def _unlike(rows: st.SearchStrategy[APrompt]) -> st.SearchStrategy[list[APrompt]]:
    return st.lists(rows, max_size=25, unique_by=lambda row: row.id)


@pytest.mark.slow
@pytest.mark.parametrize("indexes", ["none", "by state", "by age too"])
@given(
    rows=_unlike(prompts),
    files=st.lists(artifacts, max_size=25, unique_by=lambda row: row.id),
    media=st.builds(
        GalleryQuery, kinds, statuses, texts, moments, moments, limit=st.integers(1, 9)
    ),
    listed=st.builds(
        PromptListQuery, kinds, statuses, texts, moments, moments, limit=st.integers(1, 9)
    ),
    stretch=st.integers(1, 12),
)
def test_all_pages_together_show_every_match(
    rows: list[APrompt],
    files: list[AnArtifact],
    media: GalleryQuery,
    listed: PromptListQuery,
    stretch: int,
    *,
    indexes: str,
) -> None:
    """All pages of one query, however few rows each may examine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for module, name, length in (
            (gallery_module, "_MAX_ROWS", stretch),
            (gallery_module, "_MAX_ROWS_WITH_PROMPT", stretch),
            (gallery_module, "_MAX_ROWS_WITH_TEXT", stretch),
            (gallery_prompts, "MAX_ROWS", 3 * stretch),
            (prompt_order, "MAX_PIECE", 2 * stretch),
            (prompt_order, "_MAX_STATUSES", 3),
            (prompt_order.IndexedOrder, "min_piece", stretch),
            (prompt_order.ScannedOrder, "min_piece", 3 * stretch),
        ):
            stack.enter_context(patch.object(module, name, length))
        world = stack.enter_context(
            closing(
                GalleryWorld(
                    fresh_database(folder / "m.db"),
                    indexes=indexes != "none",
                    by_age=indexes == "by age too",
                )
            )
        )
        world.add(*rows, *files)
        gallery = world.gallery()
        assert pages(gallery, media) == _media_asked(media, rows, files)
        assert prompt_pages(gallery, listed) == _prompts_asked(listed, rows)
        plain = gallery.plain_prompts([], None, 99)
        assert [row.id for row in plain] == [row.id for row in _newest_first(rows)]
        catalogue = SqlPromptCatalogue(stack.enter_context(closing(Connection(world.path, 5.0))))
        summary = catalogue.summary()
        assert (summary.counts, summary.unwritten) == _counted(rows)
        asked = PromptQuery(listed.kind, listed.status, listed.text, listed.limit)
        untimed = replace(listed, since=None, until=None)
        found = [prompt.id for prompt in catalogue.search(asked)]
        assert found == _prompts_asked(untimed, rows)[: listed.limit]
