"""The order in which data reach the disk: files, their folder, the rename."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import threading
from typing import TYPE_CHECKING

import pytest

from adapters.filesystem import publication
from domain.failure import FailureCode
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.adapters.filesystem.conftest import Tree


def _record(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Record every flush (by the inode's current name) and every rename."""
    events: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        names = [path for path in [root, *root.rglob("*")] if path.lstat().st_ino == inode]
        events.append(f"flush {names[0].name}")
        real_fsync(descriptor)

    def rename(source: Path, target: Path, **kwargs: int) -> None:
        events.append(f"rename {target.name}")
        real_rename(source, target, **kwargs)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    return events


def test_everything_is_durable_in_the_right_order(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder gets its final name before its files and its plan are on the disk."""
    staging = tree.open()
    (staging.path / "a.png").write_bytes(media_samples.png())
    events = _record(monkeypatch, tree.root)
    tree.close(staging).unwrap()
    assert events == [
        "rename a.png",
        "flush a.png",
        f"flush {staging.name}.final",
        "flush db-7-1.plan",
        "flush .staging",
        "flush root",
        f"rename {FOLDER}",
        "flush image",
    ]


def test_a_slow_disk_flushes_concurrently(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files, their folder, the plan and its folder are flushed concurrently; then they move."""
    monkeypatch.setattr(publication, "_SLOW_SECONDS", 0.0)  # every disk is slower than this limit
    pictures = {"a.png": media_samples.png(), "b.png": media_samples.png()}
    tree.keep(pictures).unwrap()
    staging = tree.open()
    for name, picture in pictures.items():
        (staging.path / name).write_bytes(picture)
    events = _record(monkeypatch, tree.root)
    recorded, together = os.fsync, threading.Barrier(5)

    def fsync(descriptor: int) -> None:
        if len(events) < 7:  # two files were renamed; five flushes follow
            together.wait(60)
        recorded(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    tree.close(staging).unwrap()
    assert sorted(events[2:7]) == [
        "flush .staging",
        "flush a.png",
        "flush b.png",
        f"flush {staging.name}.final",
        "flush db-7-2.plan",
    ]
    assert events[7:] == [f"rename {FOLDER}_2", "flush image"]


@pytest.mark.parametrize("failing", range(4))
def test_nothing_moves_if_a_flush_fails(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Of a file, folder, plan or staging folder, in any thread."""
    monkeypatch.setattr(publication, "_SLOW_SECONDS", 0.0)
    tree.keep({"a.png": media_samples.png()}).unwrap()
    numbers = itertools.count()

    def fsync(descriptor: int) -> None:
        if next(numbers) == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", fsync)
    before = tree.contents()
    assert tree.place({"a.png": media_samples.png()}).failure().code is (
        FailureCode.OUTPUT_NOT_WRITABLE
    )
    tree.sweep(keep_placed=False)
    assert tree.contents() == before


def test_the_folders_of_a_lost_worker_are_flushed(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have died between rename and flush; its rows must not come first."""
    tree.place({"a.png": media_samples.png()}).unwrap()
    events = _record(monkeypatch, tree.root)
    assert tree.store.finished(tree.trace()) is not None
    assert events == ["flush image"]

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    assert tree.store.finished(tree.trace()) is None


def test_the_root_is_flushed_once_for_each_kind(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For later folders only the folder of the kind is flushed."""
    tree.keep({"a.png": media_samples.png()}).unwrap()
    events = _record(monkeypatch, tree.root)
    tree.keep({"a.png": media_samples.png()}).unwrap()
    assert "flush root" not in events
    assert events[-1] == "flush image"


def test_macos_flushes_the_drive_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F_FULLFSYNC is used if it exists."""
    asked: list[int] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, command: asked.append(command))
    publication.flush_path(tmp_path)
    assert asked == [51]


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOTTY, errno.EINVAL])
def test_volumes_without_a_full_flush_get_a_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Network volumes on macOS do not support F_FULLFSYNC."""

    def refuse(descriptor: int, command: int) -> None:
        raise OSError(code, os.strerror(code))

    flushed: list[int] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", flushed.append)
    publication.flush_path(tmp_path)
    assert len(flushed) == 1


def test_a_full_flush_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that did not reach the disk must not be reported as durable."""

    def fail(descriptor: int, command: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        publication.flush_path(tmp_path)


def test_a_file_system_that_cannot_flush_paths_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems return EINVAL for folders."""

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", refuse)
    publication.flush_path(tmp_path)
