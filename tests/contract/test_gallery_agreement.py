"""Whatever is asked of whatever tables: SQLite, piece by piece, gives what memory gives."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sqlite import gallery_artifacts, gallery_order, gallery_prompts
from application.ports.gallery_prompts import PromptListQuery
from application.ports.gallery_rows import GalleryQuery
from domain.kind import Kind
from tests.contract.gallery_contract import pages, prompt_pages
from tests.contract.gallery_world import AnArtifact, APrompt, MemoryWorld, SqliteWorld
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
WORDS = ("lake", "A lake", "sea", "", "50%", "äöü")

prompts = st.builds(
    APrompt,
    id=st.integers(1, 30),
    prompt_type=st.sampled_from(("image_prompt", "lyrics_prompt", "poetry")),
    text=st.sampled_from(WORDS),
    artifact_status=st.sampled_from(("ready", "pending", "odd")),
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
statuses = st.none() | st.sampled_from(("ready", "pending", "odd", "unknown"))
texts = st.none() | st.sampled_from(("lake", "LAKE", "%", "ä", "x"))
moments = st.none() | st.builds(
    lambda hours: DAY + timedelta(hours=hours), st.integers(-30, 60).map(lambda n: n * 2)
)


def _unlike(rows: st.SearchStrategy[APrompt]) -> st.SearchStrategy[list[APrompt]]:
    return st.lists(rows, max_size=25, unique_by=lambda row: row.id)


@pytest.mark.parametrize("indexes", [True, False])
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
def test_both_show_the_same(
    rows: list[APrompt],
    files: list[AnArtifact],
    media: GalleryQuery,
    listed: PromptListQuery,
    stretch: int,
    *,
    indexes: bool,
) -> None:
    """All pages of one query, however short a stretch each may look at."""
    memory = MemoryWorld()
    memory.add(*rows, *files)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for module, name, length in (
            (gallery_artifacts, "_ROWS", stretch),
            (gallery_artifacts, "_ROWS_WITH_PROMPT", stretch),
            (gallery_artifacts, "_ROWS_WITH_TEXT", stretch),
            (gallery_prompts, "_ROWS", 3 * stretch),
            (gallery_prompts, "_ROWS_BY_STATUS", 2 * stretch),
            (gallery_prompts, "_SHORT_PIECE", stretch),
            (gallery_prompts, "_LONG_PIECE", stretch),
            (gallery_order, "_LONGEST_PIECE", 2 * stretch),
        ):
            stack.enter_context(patch.object(module, name, length))
        world = stack.enter_context(
            closing(SqliteWorld(fresh_database(folder / "m.db"), indexes=indexes))
        )
        world.add(*rows, *files)
        gallery, expected = world.gallery(), memory.gallery()
        assert pages(gallery, media) == pages(expected, media)
        assert prompt_pages(gallery, listed) == prompt_pages(expected, listed)
        plain = gallery.plain_prompts([], None, 99)
        assert [row.id for row in plain] == [row.id for row in expected.plain_prompts([], None, 99)]
