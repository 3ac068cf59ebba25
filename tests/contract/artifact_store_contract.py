"""What every artifact store must do, whatever it keeps its files in.

A subclass says how to reach into the store's world past the store itself; the tests then hold
for it as they stand. The names of folders are written out here and not computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from domain.failure import FailureCode
from domain.kind import Kind
from tests.contract.artifact_store_world import Left, StoreWorld

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.artifact_store import StoredFolder

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


class ArtifactStoreContract(ABC):
    """The tests; a subclass gives them a world."""

    @pytest.fixture
    @abstractmethod
    def world(self) -> StoreWorld:
        """A fresh store with nothing in it."""

    def test_preflight_finds_nothing_in_a_world_in_order(self, world: StoreWorld) -> None:
        """A store that could work says so, and does nothing else."""
        assert world.store.preflight() is None
        assert world.staged() == set()
        assert world.published() == {}

    def test_staging_folders_differ_by_render_and_variant(self, world: StoreWorld) -> None:
        """No two jobs ever share a folder, even when a render's number comes back."""
        asked = [(7, 1, 1), (7, 2, 1), (7, 2, 2), (8, 2, 1), (7, 1, 1)]
        opened = [
            world.store.open_staging(Kind.IMAGE, prompt, render, variant).unwrap()
            for prompt, render, variant in asked
        ]
        names = [staging.name for staging in opened]
        assert len(set(names)) == len({staging.path for staging in opened}) == len(asked)
        assert world.staged() == set(names)
        assert all(staging.path.is_absolute() for staging in opened)
        assert [name.split("-", 1)[1] for name in names[:4]] == ["7-1", "7-2", "7-2-v2", "8-2"]

    def test_media_stand_under_kind_prompt_and_time(self, world: StoreWorld) -> None:
        """Folder and files have the names that the contract gives them."""
        stored = _store(world, Kind.IMAGE, 200, {"generated_image_001.png": Left.PICTURE})
        assert (stored.kind, stored.folder) == (Kind.IMAGE, "200_20260106T213045")
        assert world.published() == {"image/200_20260106T213045": ["generated_image_001.png"]}

    def test_a_picture_is_measured(self, world: StoreWorld) -> None:
        """A picture has a size in pixels and bytes, a digest and a format, and no duration."""
        stored = _store(world, Kind.IMAGE, 1, {"a.png": Left.PICTURE})
        (facts,) = stored.files
        assert (facts.name, facts.format, facts.duration_seconds) == ("a.png", "png", None)
        assert facts.width == 24
        assert facts.height == 16
        assert facts.file_size > 50
        assert len(facts.sha256) == 64

    def test_a_song_is_measured(self, world: StoreWorld) -> None:
        """A song has a duration and no sides."""
        stored = _store(world, Kind.AUDIO, 1, {"generated_song.mp3": Left.SONG})
        (facts,) = stored.files
        assert (facts.name, facts.format) == ("generated_song.mp3", "mp3")
        assert (facts.width, facts.height) == (None, None)
        assert facts.duration_seconds == pytest.approx(0.5, abs=0.1)
        assert list(world.published()) == ["audio/1_20260106T213045"]

    def test_files_come_in_the_order_of_their_names(self, world: StoreWorld) -> None:
        """The order in which the workflow wrote them does not matter."""
        names = ["c_003.png", "c_001.png", "c_010.png", "c_002.png"]
        stored = _store(world, Kind.IMAGE, 1, dict.fromkeys(names, Left.PICTURE))
        assert [facts.name for facts in stored.files] == sorted(names)

    def test_later_variants_have_folders_of_their_own(self, world: StoreWorld) -> None:
        """The second variant's folder carries ``_v2``."""
        first = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE})
        second = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE}, variant=2)
        assert (first.folder, second.folder) == ("3_20260106T213045", "3_20260106T213045_v2")

    def test_the_same_second_twice_replaces_nothing(self, world: StoreWorld) -> None:
        """A folder that exists is passed over, ours as well as a stranger's."""
        world.occupy(Kind.IMAGE, "3_20260106T213045_2")
        first = _store(world, Kind.IMAGE, 3, {"first.png": Left.PICTURE})
        second = _store(world, Kind.IMAGE, 3, {"second.png": Left.PICTURE})
        assert (first.folder, second.folder) == ("3_20260106T213045", "3_20260106T213045_3")
        published = world.published()
        assert published["image/3_20260106T213045"] == ["first.png"]
        assert published["image/3_20260106T213045_3"] == ["second.png"]
        assert "image/3_20260106T213045_2" in published

    def test_the_kinds_do_not_stand_in_each_others_way(self, world: StoreWorld) -> None:
        """A picture and a song may have folders of one name."""
        picture = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE})
        song = _store(world, Kind.AUDIO, 3, {"a.mp3": Left.SONG})
        assert picture.folder == song.folder

    @pytest.mark.parametrize(
        ("kind", "left"),
        [
            (Kind.IMAGE, {}),
            (Kind.IMAGE, {"log.txt": Left.TEXT}),
            (Kind.IMAGE, {"song.mp3": Left.SONG}),
            (Kind.AUDIO, {"cover.png": Left.PICTURE}),
        ],
    )
    def test_no_media_of_the_kind_is_a_failure(
        self, world: StoreWorld, kind: Kind, left: dict[str, Left]
    ) -> None:
        """Text, and media of the other kind, are not what was asked for."""
        assert _failure(world, kind, left) is FailureCode.NO_FILES
        assert world.published() == {}

    def test_what_is_not_media_is_left_behind(self, world: StoreWorld) -> None:
        """A log beside a picture does no harm and is not published."""
        left = {"a.png": Left.PICTURE, "log.txt": Left.TEXT, "b.mp3": Left.SONG}
        stored = _store(world, Kind.IMAGE, 1, left)
        assert [facts.name for facts in stored.files] == ["a.png"]
        assert world.published() == {"image/1_20260106T213045": ["a.png"]}

    @pytest.mark.parametrize(
        ("kind", "left"),
        [
            (Kind.IMAGE, {"a.png": Left.PICTURE, "b.png": Left.BROKEN_PICTURE}),
            (Kind.IMAGE, {"b.png": Left.BROKEN_PICTURE}),
            (Kind.AUDIO, {"a.mp3": Left.BROKEN_SONG, "b.mp3": Left.SONG}),
        ],
    )
    def test_one_broken_file_fails_all(
        self, world: StoreWorld, kind: Kind, left: dict[str, Left]
    ) -> None:
        """Either every file is good or nothing is there."""
        assert _failure(world, kind, left) is FailureCode.FILE_BROKEN
        assert world.published() == {}

    def test_storing_leaves_the_staging_folder_to_be_discarded(self, world: StoreWorld) -> None:
        """Only a discard ends a staging folder, and a second one is no error."""
        staging = world.store.open_staging(Kind.IMAGE, 1, 1, 1).unwrap()
        world.leave(staging, "a.png", Left.PICTURE)
        world.store.store(staging, 1, AT, 1).unwrap()
        assert world.staged() == {staging.name}
        world.store.discard(staging)
        world.store.discard(staging)
        assert world.staged() == set()
        assert list(world.published()) == ["image/1_20260106T213045"]

    def test_a_discarded_folder_cannot_be_stored(self, world: StoreWorld) -> None:
        """What is gone holds no files."""
        staging = world.store.open_staging(Kind.IMAGE, 1, 1, 1).unwrap()
        world.leave(staging, "a.png", Left.PICTURE)
        world.store.discard(staging)
        assert world.store.store(staging, 1, AT, 1).failure().code is FailureCode.NO_FILES
        assert world.published() == {}

    def test_discard_touches_no_other_folder(self, world: StoreWorld) -> None:
        """The second variant of a render outlives the first."""
        first = world.store.open_staging(Kind.IMAGE, 1, 1, 1).unwrap()
        second = world.store.open_staging(Kind.IMAGE, 1, 1, 2).unwrap()
        world.store.discard(first)
        assert world.staged() == {second.name}

    def test_withdraw_takes_back_that_folder_alone(self, world: StoreWorld) -> None:
        """The neighbours stay; a second time is no error; the name is free again."""
        first = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE})
        second = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE})
        song = _store(world, Kind.AUDIO, 3, {"a.mp3": Left.SONG})
        world.store.withdraw(first)
        world.store.withdraw(first)
        assert set(world.published()) == {f"image/{second.folder}", f"audio/{song.folder}"}
        assert _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE}).folder == first.folder

    def test_withdraw_spares_what_others_put_under_the_name(self, world: StoreWorld) -> None:
        """A folder that is not the one that was stored is somebody's."""
        stored = _store(world, Kind.IMAGE, 3, {"a.png": Left.PICTURE})
        world.store.withdraw(stored)
        world.occupy(Kind.IMAGE, stored.folder)
        before = world.published()
        world.store.withdraw(stored)
        assert world.published() == before != {}

    def test_a_lost_root_is_named_everywhere(self, world: StoreWorld) -> None:
        """Nothing is begun or stored below a root that is not there, and nothing invents it."""
        staging = world.store.open_staging(Kind.IMAGE, 1, 1, 1).unwrap()
        world.leave(staging, "a.png", Left.PICTURE)
        world.lose_root()
        obstacle = world.store.preflight()
        assert obstacle is not None
        codes = {
            obstacle.code,
            world.store.open_staging(Kind.IMAGE, 2, 2, 1).failure().code,
            world.store.store(staging, 1, AT, 1).failure().code,
        }
        assert codes == {FailureCode.OUTPUT_ROOT_MISSING}
        world.store.discard(staging)
        obstacle = world.store.preflight()
        assert obstacle is not None


def _store(
    world: StoreWorld, kind: Kind, prompt_id: int, left: Mapping[str, Left], variant: int = 1
) -> StoredFolder:
    """Carry files from a fresh staging folder to their final place."""
    staging = world.store.open_staging(kind, prompt_id, 1, variant).unwrap()
    for name, what in left.items():
        world.leave(staging, name, what)
    stored = world.store.store(staging, prompt_id, AT, variant).unwrap()
    world.store.discard(staging)
    return stored


def _failure(world: StoreWorld, kind: Kind, left: Mapping[str, Left]) -> FailureCode:
    """The code with which the store refuses what is left."""
    staging = world.store.open_staging(kind, 1, 1, 1).unwrap()
    for name, what in left.items():
        world.leave(staging, name, what)
    return world.store.store(staging, 1, AT, 1).failure().code
