"""Contract for ratings, groups, hidden files and the wastebasket."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from application.ports.curation import Curated, CurationChange, FileGroup, GroupKind
from application.ports.gallery import GalleryQuery, Order, Shown
from domain.prompt import Kind
from tests.contract.gallery_world import AnArtifact, APrompt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.ports.curation import Curation
    from tests.contract.gallery_world import GalleryWorld

FAR_OFF = datetime(2999, 1, 1, tzinfo=UTC)

LISTS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [8, 7, 5, 4, 3, 2, 1]),
    ({"order": Order.OLDEST}, [1, 2, 3, 4, 5, 7, 8]),
    ({"order": Order.RATING}, [3, 4, 2, 8, 7, 5, 1]),
    ({"order": Order.RATING, "tag": "sea"}, [4, 2, 1]),
    ({"order": Order.RATING, "kind": Kind.AUDIO}, [7]),
    ({"favourite": True}, [4, 1]),
    ({"favourite": True, "order": Order.OLDEST}, [1, 4]),
    ({"rating": 1}, [4, 3, 2]),
    ({"rating": 3}, [4, 3]),
    ({"rating": 3, "favourite": True}, [4]),
    ({"rating": 1, "order": Order.RATING, "status": "ready"}, [3, 4, 2]),
    ({"tag": "sea"}, [4, 2, 1]),
    ({"tag": "sea", "collection": "best"}, [2]),
    ({"tag": "Sea"}, []),
    ({"collection": "best"}, [5, 2]),
    ({"shown": Shown.HIDDEN}, [6]),
    ({"shown": Shown.ALL}, [8, 7, 6, 5, 4, 3, 2, 1]),
    ({"shown": Shown.WASTEBASKET}, []),
    ({"text": "something", "favourite": True}, [4, 1]),
    ({"since": datetime(2026, 1, 3, tzinfo=UTC), "tag": "sea"}, [4]),
]


def made(number: int, **facts: object) -> AnArtifact:
    """A file that Media Generator published."""
    path = f"image/1_20260106T213045/{number}.png"
    metadata = json.dumps({"renderer": "script", **facts})
    at = f"2026-01-{number:02} 12:00:00"
    return AnArtifact(number, file_path=path, preview_path=path, metadata=metadata, created_at=at)


class CurationContract:
    """The contract; a subclass supplies the world."""

    @pytest.fixture
    def world(self) -> Iterator[GalleryWorld]:
        raise NotImplementedError

    @pytest.fixture
    def curation(self, world: GalleryWorld) -> Curation:
        """Eight files, two of them from a song and from another program."""
        world.add(
            APrompt(1),
            *(made(number) for number in range(1, 7)),
            AnArtifact(7, artifact_type="audio", metadata='{"renderer": "sketch"}'),
            AnArtifact(8, file_path="image/theirs.png"),
        )
        return world.curation()

    def test_there_is_no_curation_before_the_first_change(self, curation: Curation) -> None:
        """And no table is created for reading."""
        assert curation.of([1, 2, 1 << 80]) == {}
        assert curation.groups(GroupKind.TAG) == ()
        assert curation.workflows() == ()
        assert curation.waste() == ()
        assert not curation.rename(GroupKind.TAG, "sea", "lake")

    def test_files_keep_their_ratings_and_labels(self, curation: Curation) -> None:
        """Each change leaves the other values unchanged; unknown files are named."""
        result = curation.change(
            [1, 2, 99], CurationChange(favourite=True, add_tags=("sea", "blue"))
        )
        assert (result.changed, result.refused) == ((1, 2), {99: "there is no such file"})
        curation.change([2], CurationChange(rating=4, hidden=True, add_to=("Best of 2026",)))
        curation.change([2], CurationChange(favourite=False, remove_tags=("blue", "never")))
        assert curation.of([1, 2, 3]) == {
            1: Curated(favourite=True, tags=("blue", "sea")),
            2: Curated(rating=4, hidden=True, tags=("sea",), collections=("Best of 2026",)),
        }
        assert curation.groups(GroupKind.TAG) == (FileGroup("blue", 1), FileGroup("sea", 2))
        assert curation.groups(GroupKind.COLLECTION) == (FileGroup("Best of 2026", 1),)

    def test_labels_are_renamed_joined_and_removed(self, curation: Curation) -> None:
        """A tag and a collection with the same name are separate."""
        curation.change([1, 2], CurationChange(add_tags=("sea",), add_to=("sea",)))
        curation.change([2, 3], CurationChange(add_tags=("ocean",)))
        assert curation.rename(GroupKind.TAG, "sea", "ocean")
        assert curation.groups(GroupKind.TAG) == (FileGroup("ocean", 3),)
        assert curation.rename(GroupKind.TAG, "ocean", None)
        assert not curation.rename(GroupKind.TAG, "ocean", "sea")
        assert curation.groups(GroupKind.TAG) == ()
        assert curation.groups(GroupKind.COLLECTION) == (FileGroup("sea", 2),)

    def test_lists_are_filtered_and_sorted(self, world: GalleryWorld, curation: Curation) -> None:
        """By every kind of curation, whatever the page size."""
        curation.change([1, 2, 4], CurationChange(add_tags=("sea",)))
        curation.change([2, 5, 6], CurationChange(add_to=("best",)))
        curation.change([1, 4, 6], CurationChange(favourite=True))
        for number, rating in ((2, 1), (3, 5), (4, 3), (6, 5)):
            curation.change([number], CurationChange(rating=rating))
        curation.change([6], CurationChange(hidden=True))
        for filters, expected in LISTS:
            for limit in (1, 60):
                assert _pages(world, GalleryQuery(**filters, limit=limit)) == expected, filters

    def test_files_are_found_by_metadata(self, world: GalleryWorld) -> None:
        """Workflow, seed and size, whatever other programs write there."""
        seed = 18_446_744_073_709_551_615
        world.add(
            APrompt(1),
            made(1, workflow="a.py", seed=seed, width=64, height=32),
            made(2, workflow="b.py", seed=7, width=32, height=64),
            made(3, workflow="a.py", seed=7, seed_passed=False, width=64, height=64),
            made(4, workflow=["a.py"], seed="7", width=-1, height=1 << 80),
            made(5, seed=True, width=64.5, height=None),
        )
        curation = world.curation()
        assert [curation.read_files(2) for _ in range(4)] == [2, 2, 1, 0]
        assert curation.workflows() == ("a.py", "b.py")
        for filters, expected in (
            ({"workflow": "a.py"}, [3, 1]),
            ({"seed": 7}, [2]),
            ({"seed": seed}, [1]),
            ({"size": (64, 32)}, [1]),
            ({"workflow": "a.py", "size": (64, 64)}, [3]),
            ({"order": Order.SIZE}, [3, 2, 1, 5, 4]),
            ({"order": Order.SIZE, "workflow": "a.py"}, [3, 1]),
        ):
            for limit in (1, 60):
                query = GalleryQuery(**filters, limit=limit)
                assert _pages(world, query) == expected, filters

    def test_a_file_is_read_even_if_a_later_id_was_seen_first(self, world: GalleryWorld) -> None:
        """Ids may become visible out of order."""
        world.add(APrompt(1), made(5, seed=5))
        curation = world.curation()
        assert curation.read_files(10) == 1
        world.add(made(3, seed=3))
        assert curation.read_files(10) == 1
        assert _pages(world, GalleryQuery(seed=3)) == [3]

    def test_the_trash_keeps_files_until_their_time(
        self, world: GalleryWorld, curation: Curation
    ) -> None:
        """They are in no other list, and can be restored."""
        result = curation.discard([1, 2, 8, 99])
        assert result.changed == (1, 2)
        assert set(result.refused) == {8, 99}
        assert "another program" in result.refused[8]
        curation.change([2], CurationChange(hidden=True))
        assert _pages(world, GalleryQuery(shown=Shown.WASTEBASKET)) == [2, 1]
        assert _pages(world, GalleryQuery(shown=Shown.HIDDEN)) == []
        assert _pages(world, GalleryQuery()) == [8, 7, 6, 5, 4, 3]
        now = datetime.now(UTC)
        assert curation.waste(now - timedelta(days=1)) == ()
        assert [file.id for file in curation.waste(FAR_OFF)] == [1, 2]
        assert [file.id for file in curation.waste(after=1)] == [2]
        since = curation.of([1])[1].discarded_at
        curation.discard([1])
        assert since
        assert curation.of([1])[1].discarded_at == since
        result = curation.restore([2, 3])
        assert (result.changed, result.refused) == ((2,), {3: "it is not in the wastebasket"})
        assert _pages(world, GalleryQuery(shown=Shown.HIDDEN)) == [2]

    def test_a_started_removal_is_finished(self, world: GalleryWorld, curation: Curation) -> None:
        """A file cannot be restored from then on, and is removed whatever its date."""
        curation.discard([1, 2])
        first, second = curation.waste()
        assert curation.begin_removal(first)
        assert curation.of([1])[1].is_purged
        assert curation.restore([1]).refused == {1: "its file is removed already"}
        assert [file.id for file in curation.waste(datetime(2000, 1, 1, tzinfo=UTC))] == [1]
        curation.end_removal(first)
        assert [file.id for file in curation.waste()] == [2]
        curation.restore([2])
        assert not curation.begin_removal(second)
        assert _pages(world, GalleryQuery(shown=Shown.ALL)) == [8, 7, 6, 5, 4, 3, 2, 1]
        assert _pages(world, GalleryQuery(shown=Shown.WASTEBASKET)) == []
        assert 1 not in _pages(world, GalleryQuery())

    def test_paths_of_other_rows_are_known(self, world: GalleryWorld, curation: Curation) -> None:
        """Two rows may name one file; it is removed when both are in the wastebasket."""
        path = "image/1_20260106T213045/1.png"
        world.add(
            AnArtifact(9, file_path="image/x.png", preview_path=path, metadata=made(1).metadata)
        )
        curation.discard([1])
        assert curation.shared_paths([path, "image/none.png"]) == {path}
        curation.discard([9])
        assert curation.shared_paths([path]) == frozenset()

    def test_a_page_can_start_at_a_date(self, world: GalleryWorld, curation: Curation) -> None:
        """The page starts with files published before the date."""
        gallery = world.gallery()
        for day, expected in ((1, []), (2, [1]), (5, [4, 3, 2, 1]), (7, [8, 7, 6, 5, 4, 3, 2, 1])):
            before = gallery.newest_before(datetime(2026, 1, day, tzinfo=UTC))
            assert _pages(world, GalleryQuery(before=before)) == expected
        assert curation.of([1]) == {}


def _pages(world: GalleryWorld, query: GalleryQuery) -> list[int]:
    """The ids of all pages, one after the other."""
    gallery, ids = world.gallery(), []
    while True:
        page = gallery.page(query)
        assert len(page.artifacts) <= query.limit
        ids += [artifact.id for artifact in page.artifacts]
        if page.next is None:
            return ids
        query = replace(query, before=page.next, before_key=page.next_key)
