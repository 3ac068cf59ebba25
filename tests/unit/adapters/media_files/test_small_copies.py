"""A folder of small copies keeps what is used and never grows past its bound."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from adapters.media_files.small_copies import SmallCopies

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HOUR = 3_600


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _total(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    """By another object too, and each variant by itself."""
    folder = tmp_path / "state" / "copies"
    SmallCopies(folder, 1000).save("a", "320.webp", b"small")
    copies = SmallCopies(folder, 1000)
    assert copies.load("a", "320.webp") == b"small"
    assert copies.load("a", "160.webp") is None
    assert copies.load("b", "320.webp") is None


def test_only_the_owner_can_look_into_it(tmp_path: Path) -> None:
    """Pictures of prompts are nobody else's business on a shared machine."""
    folder = tmp_path / "copies"
    SmallCopies(folder, 1000).save("a", "320.webp", b"small")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_identity_leads_out_of_the_folder(tmp_path: Path) -> None:
    """Names of files are made of a digest alone."""
    folder = tmp_path / "copies"
    copies = SmallCopies(folder, 1000)
    copies.save("../../../x", "320.webp", b"small")
    assert copies.load("../../../x", "320.webp") == b"small"
    assert [path.parent.parent for path in _files(tmp_path)] == [folder]


def test_the_oldest_use_makes_room(tmp_path: Path) -> None:
    """What was looked at lately stays, though it was made first."""
    copies = SmallCopies(tmp_path, 10_000)
    for number in range(10):
        copies.save(str(number), "320.webp", bytes(1000))
        (made,) = set(_files(tmp_path)) - set(_of(tmp_path, number))
        os.utime(made, (time.time() - 100 * HOUR + number,) * 2)
    assert copies.load("0", "320.webp") is not None
    copies.save("new", "320.webp", bytes(1000))
    kept = [number for number in range(10) if copies.load(str(number), "320.webp") is not None]
    assert kept == [0, 3, 4, 5, 6, 7, 8, 9]
    assert copies.load("new", "320.webp") is not None


def _of(folder: Path, younger: int) -> list[Path]:
    """The files of the first so many, which are dated back already."""
    old = sorted(_files(folder), key=lambda path: path.stat().st_mtime)
    return old[:younger]


def test_the_bound_holds_however_much_is_saved(tmp_path: Path) -> None:
    """What lies there from an earlier run counts too."""
    SmallCopies(tmp_path, 10**6).save("before", "320.webp", bytes(4000))
    copies = SmallCopies(tmp_path, 5000)
    for number in range(60):
        copies.save(str(number), "320.webp", bytes(number * 20))
        assert _total(tmp_path) <= 5000


def test_something_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    """It is given to whoever asked, and goes at once."""
    copies = SmallCopies(tmp_path, 100)
    copies.save("a", "320.webp", bytes(200))
    assert copies.load("a", "320.webp") is None


def test_unfinished_files_are_cleared_away(tmp_path: Path) -> None:
    """Those of a process that died; those of one that writes just now stay."""
    copies = SmallCopies(tmp_path, 1000)
    copies.save("a", "320.webp", b"small")
    (shelf,) = tmp_path.iterdir()
    left, under_way = shelf / "x.1-0.part", shelf / "y.1-0.part"
    left.write_bytes(b"half")
    under_way.write_bytes(b"half")
    os.utime(left, (time.time() - 2 * HOUR,) * 2)
    SmallCopies(tmp_path, 1000).save("b", "320.webp", b"small")
    assert (left.exists(), under_way.exists()) == (False, True)


def test_a_disk_that_is_full_keeps_nothing_and_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised, and no half file stays."""
    copies = SmallCopies(tmp_path, 1000)

    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr("pathlib.Path.replace", full)
    copies.save("a", "320.webp", b"small")
    assert copies.load("a", "320.webp") is None
    assert _files(tmp_path) == []
