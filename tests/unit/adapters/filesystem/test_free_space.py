"""The floor of free room below which nothing is begun."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.filesystem.artifact_store import FilesystemArtifactStore, format_bytes, free_bytes
from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.output_root_checks import FreeSpaceChecks, OutputRootChecks
from application.ports.doctor import CheckStatus
from domain.failure import FailureCode

if TYPE_CHECKING:
    from pathlib import Path

    from domain.failure import Failure

_MIB = 1024**2
_MORE_THAN_ANYBODY_HAS = 2**60


class _Places:
    """An output root and a database's folder, each on a volume of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.database = folder / "media", folder / "data"
        self.root.mkdir()
        self.database.mkdir()
        self.volumes: dict[Path, SimpleNamespace | OSError] = {}
        monkeypatch.setattr(os, "statvfs", self._answer)

    def _answer(self, folder: Path) -> SimpleNamespace:
        answer = self.volumes[folder]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def preflight(self, floor: int) -> Failure | None:
        store = FilesystemArtifactStore(
            self.root, "db", StoreLimits(min_free_bytes=floor), other_folders=[self.database]
        )
        return store.preflight()


def _volume(free: int, blocks: int = 10**9) -> SimpleNamespace:
    # f_bfree is what only root may use too.
    return SimpleNamespace(f_bavail=free // 4096, f_bfree=blocks, f_frsize=4096, f_blocks=blocks)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Places:
    """Both volumes have a lot of room."""
    made = _Places(tmp_path, monkeypatch)
    made.volumes = {made.root: _volume(2**40), made.database: _volume(2**40)}
    return made


@pytest.mark.parametrize("place", ["root", "database"])
def test_either_volume_below_the_floor_is_an_obstacle(places: _Places, place: str) -> None:
    """The message names the folder, its room, the floor and the setting."""
    folder: Path = getattr(places, place)
    places.volumes[folder] = _volume(100 * _MIB)
    failure = places.preflight(256 * _MIB)
    assert failure is not None
    assert failure.code is FailureCode.DISK_FULL
    for part in (str(folder), "100.0 MiB", "256.0 MiB", "media.limits.min_free_bytes"):
        assert part in failure.message


@pytest.mark.parametrize(
    ("free", "stopped"), [(256 * _MIB - 4096, True), (256 * _MIB, False), (300 * _MIB, False)]
)
def test_the_floor_itself_is_enough(places: _Places, free: int, *, stopped: bool) -> None:
    """One block less is not."""
    places.volumes[places.root] = _volume(free)
    assert (places.preflight(256 * _MIB) is not None) is stopped


def test_a_floor_of_nothing_is_never_met(places: _Places) -> None:
    """The setting turns it off, and no volume is asked."""
    places.volumes.clear()
    assert places.preflight(0) is None


def test_a_volume_that_knows_no_size_is_not_full(places: _Places) -> None:
    """Some network file systems report zeros."""
    places.volumes = dict.fromkeys(places.volumes, _volume(0, blocks=0))
    assert places.preflight(256 * _MIB) is None


def test_a_database_volume_that_does_not_answer_is_not_called_full(places: _Places) -> None:
    """The queue itself says what is wrong with it, in words of its own."""
    places.volumes[places.database] = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    assert places.preflight(256 * _MIB) is None


def test_a_real_volume_is_asked(tmp_path: Path) -> None:
    """No volume has an exbibyte free; every one of these tests has a byte."""
    limits = StoreLimits(min_free_bytes=_MORE_THAN_ANYBODY_HAS)
    failure = FilesystemArtifactStore(tmp_path, "db", limits).preflight()
    assert failure is not None
    assert failure.code is FailureCode.DISK_FULL
    assert (
        FilesystemArtifactStore(tmp_path, "db", StoreLimits(min_free_bytes=1)).preflight() is None
    )
    assert free_bytes(tmp_path) is not None


def test_the_doctor_shows_room_and_floor(places: _Places) -> None:
    """What is there, where claims pause, and what to do when they do."""
    [well] = FreeSpaceChecks("room", places.root, 256 * _MIB).checks()
    assert (well.status, "1.0 TiB" in well.finding) == (CheckStatus.OK, True)
    assert "256.0 MiB (media.limits.min_free_bytes)" in well.finding
    places.volumes[places.root] = _volume(2 * 1024**3 - 4096)
    [low] = FreeSpaceChecks("room", places.root, 256 * _MIB).checks()
    assert low.status is CheckStatus.WARNING
    [full] = FreeSpaceChecks("room", places.root, 2 * 1024**3).checks()
    assert (full.status, bool(full.remedy)) == (CheckStatus.ERROR, True)
    [off] = FreeSpaceChecks("room", places.root, 0).checks()
    assert "media.limits" not in off.finding
    places.volumes[places.root] = _volume(0, blocks=0)
    [unknown] = FreeSpaceChecks("room", places.root, 256 * _MIB).checks()
    assert unknown.status is CheckStatus.OK
    places.volumes[places.root] = OSError(errno.EIO, "Input/output error")
    [silent] = FreeSpaceChecks("room", places.root, 256 * _MIB).checks()
    assert (silent.status, "Input/output error" in silent.finding) == (CheckStatus.WARNING, True)


def test_the_roots_checklist_has_the_floor_in_it(tmp_path: Path) -> None:
    """The line of the root's own room breaks where claims would pause."""
    for floor, status in ((_MORE_THAN_ANYBODY_HAS, CheckStatus.ERROR), (0, CheckStatus.OK)):
        checks = {check.subject: check for check in OutputRootChecks(tmp_path, floor).checks()}
        assert checks["output free space"].status in {status, CheckStatus.WARNING}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (16 * _MIB, "16.0 MiB"),
        (1024**2 - 1, "1.0 MiB"),
        (3 * 1024**4 // 2, "1.5 TiB"),
        (2**60, "1.0 EiB"),
        (2**70, "1,024.0 EiB"),
    ],
)
def test_bytes_are_told_in_units_of_people(size: int, text: str) -> None:
    """No unit has a thousand of itself where a larger one would do."""
    assert format_bytes(size) == text


@given(st.integers(0, 2**62))
def test_what_is_told_is_the_size(size: int) -> None:
    """Read back, it differs by less than the digits that are not shown."""
    number, unit = format_bytes(size).split()
    factor = 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit)
    assert abs(float(number) * factor - size) <= 0.06 * factor
