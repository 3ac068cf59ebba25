"""The minimum of free space below which no render starts."""

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
    """An output root and a database folder, each on its own volume."""

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
    # f_bfree includes space that only root may use.
    return SimpleNamespace(f_bavail=free // 4096, f_bfree=blocks, f_frsize=4096, f_blocks=blocks)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Places:
    """Both volumes have plenty of space."""
    made = _Places(tmp_path, monkeypatch)
    made.volumes = {made.root: _volume(2**40), made.database: _volume(2**40)}
    return made


@pytest.mark.parametrize("place", ["root", "database"])
def test_either_volume_below_the_minimum_fails_the_preflight(places: _Places, place: str) -> None:
    """The message names the folder, its space, the minimum and the setting."""
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
def test_exactly_the_minimum_is_sufficient(places: _Places, free: int, *, stopped: bool) -> None:
    """One block less is not."""
    places.volumes[places.root] = _volume(free)
    assert (places.preflight(256 * _MIB) is not None) is stopped


def test_a_minimum_of_zero_turns_the_check_off(places: _Places) -> None:
    """No volume is examined."""
    places.volumes.clear()
    assert places.preflight(0) is None


def test_a_volume_without_a_size_is_not_full(places: _Places) -> None:
    """Some network file systems report zeros."""
    places.volumes = dict.fromkeys(places.volumes, _volume(0, blocks=0))
    assert places.preflight(256 * _MIB) is None


def test_a_database_volume_that_cannot_be_examined_is_not_called_full(places: _Places) -> None:
    """The queue itself reports what is wrong with it."""
    places.volumes[places.database] = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    assert places.preflight(256 * _MIB) is None


def test_a_real_volume_is_examined(tmp_path: Path) -> None:
    """No volume has an exbibyte free; any volume for tests has a byte."""
    limits = StoreLimits(min_free_bytes=_MORE_THAN_ANYBODY_HAS)
    failure = FilesystemArtifactStore(tmp_path, "db", limits).preflight()
    assert failure is not None
    assert failure.code is FailureCode.DISK_FULL
    assert (
        FilesystemArtifactStore(tmp_path, "db", StoreLimits(min_free_bytes=1)).preflight() is None
    )
    assert free_bytes(tmp_path) is not None


def test_the_doctor_shows_free_space_and_minimum(places: _Places) -> None:
    """The free space, when claims stop, and what to do then."""
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


def test_the_doctor_applies_the_minimum_to_the_output_root(tmp_path: Path) -> None:
    """The line on the root's space is an error where claims would stop."""
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
def test_bytes_are_shown_in_readable_units(size: int, text: str) -> None:
    """No number reaches a thousand if a larger unit exists."""
    assert format_bytes(size) == text


@given(st.integers(0, 2**62))
def test_the_shown_size_is_accurate(size: int) -> None:
    """Parsed again, it differs by less than the digits that are not shown."""
    number, unit = format_bytes(size).split()
    factor = 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit)
    assert abs(float(number) * factor - size) <= 0.06 * factor
