"""Contract of every artifact store, whatever it keeps its files in.

A subclass supplies a world, which reaches the stored files without the store. The expected names
of folders are literals and not computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from application.ports.artifact_store import RenderKey
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.artifact_store_world import Left, StoreWorld

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from returns.result import Result

    from application.ports.artifact_store import Prepared, Staging, StoredFolder

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
ONE = RenderKey(1, 1)


def rows(stored: Sequence[StoredFolder]) -> tuple[Artifact, ...]:
    """A row for each file."""
    return tuple(
        Artifact(each.kind, f"{each.kind}/{each.folder}/{facts.name}", {"n": 1})
        for each in stored
        for facts in each.files
    )


class ArtifactStoreContract(ABC):
    """The contract; a subclass supplies the world."""

    @pytest.fixture
    @abstractmethod
    def world(self) -> StoreWorld:
        """A new, empty store."""

    def test_preflight_passes_for_a_working_store(self, world: StoreWorld) -> None:
        """It returns no failure and changes nothing."""
        assert world.store.preflight() is None
        assert world.staged() == set()
        assert world.published() == {}

    def test_staging_folders_differ_by_render_and_variant(self, world: StoreWorld) -> None:
        """No two jobs ever share a folder, even if a render number occurs again."""
        asked = [(7, 1, 1), (7, 2, 1), (7, 2, 2), (8, 2, 1), (7, 1, 1)]
        opened = [
            world.store.open_staging(Kind.IMAGE, RenderKey(prompt, render), variant).unwrap()
            for prompt, render, variant in asked
        ]
        names = [staging.name for staging in opened]
        assert len(set(names)) == len({staging.path for staging in opened}) == len(asked)
        assert world.staged() == set(names)
        assert all(staging.path.is_absolute() for staging in opened)
        assert [name.split("-", 1)[1] for name in names[:4]] == ["7-1", "7-2", "7-2-v2", "8-2"]

    def test_media_stand_under_kind_prompt_and_time(self, world: StoreWorld) -> None:
        """Folders and files have the names that the contract demands."""
        stored = _store(world, Kind.IMAGE, 200, {"generated_image_001.png": Left.PICTURE})
        assert (stored.kind, stored.folder) == (Kind.IMAGE, "200_20260106T213045")
        assert world.published() == {"image/200_20260106T213045": ["generated_image_001.png"]}

    def test_a_picture_is_measured(self, world: StoreWorld) -> None:
        """A picture has a size in pixels and bytes, a digest and a format, but no duration."""
        stored = _store(world, Kind.IMAGE, 1, {"a.png": Left.PICTURE})
        (facts,) = stored.files
        assert (facts.name, facts.format, facts.duration_seconds) == ("a.png", "png", None)
        assert facts.width == 24
        assert facts.height == 16
        assert facts.file_size > 50
        assert len(facts.sha256) == 64

    def test_a_song_is_measured(self, world: StoreWorld) -> None:
        """A song has a duration, but no width or height."""
        stored = _store(world, Kind.AUDIO, 1, {"generated_song.mp3": Left.SONG})
        (facts,) = stored.files
        assert (facts.name, facts.format) == ("generated_song.mp3", "mp3")
        assert (facts.width, facts.height) == (None, None)
        assert facts.duration_seconds == pytest.approx(0.5, abs=0.1)
        assert list(world.published()) == ["audio/1_20260106T213045"]

    def test_files_are_sorted_by_name(self, world: StoreWorld) -> None:
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
        """An existing folder is skipped, whether Media Generator or another program made it."""
        world.occupy(Kind.IMAGE, "3_20260106T213045_2")
        first = _store(world, Kind.IMAGE, 3, {"first.png": Left.PICTURE})
        second = _store(world, Kind.IMAGE, 3, {"second.png": Left.PICTURE})
        assert (first.folder, second.folder) == ("3_20260106T213045", "3_20260106T213045_3")
        published = world.published()
        assert published["image/3_20260106T213045"] == ["first.png"]
        assert published["image/3_20260106T213045_3"] == ["second.png"]
        assert "image/3_20260106T213045_2" in published

    def test_the_kinds_have_separate_folders(self, world: StoreWorld) -> None:
        """A picture and a song may have folders with the same name."""
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
        """Text, or media of the other kind, does not count."""
        assert _failure(world, kind, left) is FailureCode.NO_FILES
        assert world.published() == {}

    def test_other_files_are_not_published(self, world: StoreWorld) -> None:
        """A log next to a picture does no harm."""
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
    def test_one_broken_file_fails_the_whole_render(
        self, world: StoreWorld, kind: Kind, left: dict[str, Left]
    ) -> None:
        """Either all files are published or none."""
        assert _failure(world, kind, left) is FailureCode.FILE_BROKEN
        assert world.published() == {}

    # ------------------------------------------------------------------- placing and sweeping

    def test_nothing_is_published_before_it_is_placed(self, world: StoreWorld) -> None:
        """Preparing verifies and copies; the media have no public name yet."""
        _prepared(world, ONE, {"a.png": Left.PICTURE})
        assert world.published() == {}
        assert world.store.finished(ONE) is None
        assert world.store.planned_paths(ONE) == ()

    def test_all_folders_of_a_render_are_placed_together(self, world: StoreWorld) -> None:
        """The rows are requested once, with the final names of the folders."""
        prepared = [
            _prepared(world, ONE, {"a.png": Left.PICTURE}, variant) for variant in (1, 2, 3)
        ]
        world.occupy(Kind.IMAGE, "1_20260106T213045_v2")
        told: list[Sequence[StoredFolder]] = []

        def describe(stored: Sequence[StoredFolder]) -> tuple[Artifact, ...]:
            told.append(stored)
            return rows(stored)

        stored = world.store.place(prepared, ONE, AT, describe).unwrap()
        assert [each.folder for each in stored] == [each.folder for each in told[-1]]
        assert len({each.folder for each in stored}) == 3
        assert {f"image/{each.folder}" for each in stored} < set(world.published())
        assert world.store.finished(ONE) == rows(stored)

    def test_another_worker_can_finish_placed_folders(self, world: StoreWorld) -> None:
        """The rows were recorded before, for this render only."""
        stored = _placed(world, ONE)
        assert world.store.finished(ONE) == rows([stored])
        assert world.store.planned_paths(ONE) == ("image/1_20260106T213045/a.png",)
        for other in (RenderKey(1, 11), RenderKey(11, 1), RenderKey(2, 1)):
            assert world.store.finished(other) is None
            assert world.store.planned_paths(other) == ()

    def test_an_incomplete_render_is_not_finished(self, world: StoreWorld) -> None:
        """If one of two folders is missing or changed, the prompt must be rendered again."""
        prepared = [_prepared(world, ONE, {"a.png": Left.PICTURE}, variant) for variant in (1, 2)]
        stored = world.store.place(prepared, ONE, AT, rows).unwrap()
        assert world.store.finished(ONE) is not None
        world.spoil(Kind.IMAGE, stored[1].folder)
        assert world.store.finished(ONE) is None
        assert world.store.planned_paths(ONE) == tuple(row.file_path for row in rows(stored))

    def test_a_plan_that_cannot_be_read_finishes_nothing(self, world: StoreWorld) -> None:
        """Damaged data must not become rows."""
        _placed(world, ONE)
        world.spoil_plan(ONE)
        assert world.store.finished(ONE) is None
        assert world.store.planned_paths(ONE) == ()
        world.store.sweep(ONE, keep_placed=True)
        assert ONE not in world.store.leftovers()

    def test_renders_with_leftovers_are_listed(self, world: StoreWorld) -> None:
        """Those of this database, by their numbers; other databases' folders are ignored."""
        world.leave_foreign_folder("foreign-1-2")
        world.leave_foreign_folder("notes")
        assert world.store.leftovers() == frozenset()
        world.store.open_staging(Kind.IMAGE, RenderKey(12, 3), 2).unwrap()
        _placed(world, RenderKey(4, 5))
        assert world.store.leftovers() == {RenderKey(12, 3), RenderKey(4, 5)}

    def test_renders_before_and_after_a_restore_differ(self, world: StoreWorld) -> None:
        """A restored database uses render numbers again, with other tokens."""
        lost, new = (RenderKey(1, 1, f"{number:016x}") for number in (1, 2))
        folder = _placed(world, lost)
        world.store.open_staging(Kind.IMAGE, new, 1).unwrap()
        assert world.store.leftovers() == {lost, new}
        assert world.store.finished(new) is None
        world.store.sweep(new, keep_placed=False)
        world.store.sweep(ONE, keep_placed=False)
        assert world.store.leftovers() == {lost}
        assert list(world.published()) == [f"image/{folder.folder}"]
        assert world.store.finished(lost) is not None

    @pytest.mark.parametrize("keep_placed", [True, False])
    def test_sweeping_removes_the_render(self, world: StoreWorld, *, keep_placed: bool) -> None:
        """All its staging files are removed; published folders stay only if they are kept."""
        _placed(world, ONE)
        world.store.sweep(ONE, keep_placed=keep_placed)
        world.store.sweep(ONE, keep_placed=keep_placed)
        assert world.staged() == set()
        assert world.store.leftovers() == frozenset()
        assert world.store.finished(ONE) is None
        assert list(world.published()) == ["image/1_20260106T213045"] * keep_placed

    def test_sweeping_withdraws_only_the_renders_own_folders(self, world: StoreWorld) -> None:
        """All folders of the render are removed, others stay, and the names are free again."""
        prepared = [_prepared(world, ONE, {"a.png": Left.PICTURE}, variant) for variant in (1, 2)]
        stored = world.store.place(prepared, ONE, AT, rows).unwrap()
        neighbour = _placed(world, RenderKey(1, 2))
        left = {"a.mp3": Left.SONG}
        song = _kept(world, Kind.AUDIO, RenderKey(1, 4), left, 1).unwrap()
        world.store.sweep(ONE, keep_placed=False)
        assert set(world.published()) == {f"image/{neighbour.folder}", f"audio/{song.folder}"}
        assert _placed(world, RenderKey(1, 3)).folder == stored[0].folder

    def test_sweeping_keeps_changed_folders(self, world: StoreWorld) -> None:
        """A folder that another program changed stays; the render's other folders are removed."""
        prepared = [_prepared(world, ONE, {"a.png": Left.PICTURE}, variant) for variant in (1, 2)]
        stored = world.store.place(prepared, ONE, AT, rows).unwrap()
        world.spoil(Kind.IMAGE, stored[0].folder)
        world.store.sweep(ONE, keep_placed=False)
        assert list(world.published()) == [f"image/{stored[0].folder}"]

    def test_sweeping_keeps_a_replaced_folder(self, world: StoreWorld) -> None:
        """The render's own folder is gone; another program's folder now has its name."""
        stored = _placed(world, ONE)
        world.take_away(Kind.IMAGE, stored.folder)
        world.occupy(Kind.IMAGE, stored.folder)
        before = world.published()
        world.store.sweep(ONE, keep_placed=False)
        assert world.published() == before != {}

    def test_sweeping_keeps_other_folders(self, world: StoreWorld) -> None:
        """Of renders with longer numbers, of other variants of other renders, of other programs."""
        theirs = world.leave_foreign_folder("foreign-1-1")
        kept = {
            world.store.open_staging(Kind.IMAGE, trace, 1).unwrap().name
            for trace in (RenderKey(1, 11), RenderKey(11, 1), RenderKey(1, 2))
        }
        for variant in (1, 2):
            world.store.open_staging(Kind.IMAGE, ONE, variant).unwrap()
        world.store.sweep(ONE, keep_placed=False)
        assert world.staged() == kept | theirs

    def test_a_swept_folder_cannot_be_prepared(self, world: StoreWorld) -> None:
        """A removed folder holds no files."""
        staging = world.store.open_staging(Kind.IMAGE, ONE, 1).unwrap()
        world.leave(staging, "a.png", Left.PICTURE)
        world.store.sweep(ONE, keep_placed=True)
        assert world.store.prepare(staging, 1).failure().code is FailureCode.NO_FILES
        assert world.published() == {}

    def test_every_operation_reports_a_missing_root(self, world: StoreWorld) -> None:
        """Nothing is rendered or stored below a missing root, and no operation creates it."""
        staging = world.store.open_staging(Kind.IMAGE, ONE, 1).unwrap()
        world.leave(staging, "a.png", Left.PICTURE)
        other = RenderKey(2, 2)
        ready = _prepared(world, other, {"a.png": Left.PICTURE})
        world.lose_root()
        refusal = world.store.preflight()
        assert refusal is not None
        codes = {
            refusal.code,
            world.store.open_staging(Kind.IMAGE, RenderKey(3, 3), 1).failure().code,
            world.store.prepare(staging, 1).failure().code,
            world.store.place([ready], other, AT, rows).failure().code,
        }
        assert codes == {FailureCode.OUTPUT_ROOT_MISSING}
        world.store.sweep(ONE, keep_placed=False)
        refusal = world.store.preflight()
        assert refusal is not None


def _left(world: StoreWorld, staging: Staging, left: Mapping[str, Left]) -> Staging:
    for name, what in left.items():
        world.leave(staging, name, what)
    return staging


def _prepared(
    world: StoreWorld, trace: RenderKey, left: Mapping[str, Left], variant: int = 1
) -> Prepared:
    """Prepare the contents of a new staging folder."""
    staging = world.store.open_staging(Kind.IMAGE, trace, variant).unwrap()
    return world.store.prepare(_left(world, staging, left), variant).unwrap()


def _placed(world: StoreWorld, trace: RenderKey) -> StoredFolder:
    """Place one picture of a render, with all its leftovers."""
    prepared = _prepared(world, trace, {"a.png": Left.PICTURE})
    [stored] = world.store.place([prepared], trace, AT, rows).unwrap()
    return stored


def _store(
    world: StoreWorld, kind: Kind, prompt_id: int, left: Mapping[str, Left], variant: int = 1
) -> StoredFolder:
    """Publish files from a new staging folder, and sweep its leftovers."""
    trace = RenderKey(prompt_id, 1)
    stored = _kept(world, kind, trace, left, variant).unwrap()
    world.store.sweep(trace, keep_placed=True)
    return stored


def _failure(world: StoreWorld, kind: Kind, left: Mapping[str, Left]) -> FailureCode:
    """The code with which the store refuses a staging folder."""
    return _kept(world, kind, ONE, left, 1).failure().code


def _kept(
    world: StoreWorld, kind: Kind, trace: RenderKey, left: Mapping[str, Left], variant: int
) -> Result[StoredFolder, Failure]:
    staging = _left(world, world.store.open_staging(kind, trace, variant).unwrap(), left)
    return (
        world.store.prepare(staging, variant)
        .bind(lambda prepared: world.store.place([prepared], trace, AT, rows))
        .map(lambda stored: stored[0])
    )
