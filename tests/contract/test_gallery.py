"""Contract tests of the SQLite gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.curation_contract import CurationContract
from tests.contract.gallery_contract import GalleryContract
from tests.contract.gallery_prompts_contract import GalleryPromptsContract
from tests.contract.gallery_world import GalleryWorld
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("schema", "journal_mode", "indexes"),
    [
        ("seed", "delete", False),
        ("seed", "wal", True),
        ("wide", "delete", True),
        ("wide", "wal", False),
    ],
)
class TestSqlGallery(GalleryContract, GalleryPromptsContract):
    """The contract, on a real file, with Media Generator's indexes and without."""

    @pytest.fixture
    def world(
        self, tmp_path: Path, schema: str, journal_mode: str, *, indexes: bool
    ) -> Iterator[GalleryWorld]:
        path = fresh_database(tmp_path / "musings.db", schema, journal_mode)
        world = GalleryWorld(path, indexes)
        yield world
        world.close()


class TestSqlCuration(CurationContract):
    """The contract, on a real file."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[GalleryWorld]:
        world = GalleryWorld(fresh_database(tmp_path / "musings.db"))
        yield world
        world.close()
