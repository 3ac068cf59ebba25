"""System calls that fail at any step (faults 15 and 20) leave nothing half done."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from application.ports.artifact_store import RenderKey
from domain.failure import FailureCode
from domain.prompt import Kind
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import FOLDER, Tree

if TYPE_CHECKING:
    from pathlib import Path

_STEPS = ("mkdir", "open", "write", "fchmod", "chmod", "fsync", "rename")
_CODES = {
    errno.ENOSPC: FailureCode.DISK_FULL,
    errno.EDQUOT: FailureCode.DISK_FULL,
    errno.EROFS: FailureCode.OUTPUT_NOT_WRITABLE,
    errno.EIO: FailureCode.OUTPUT_NOT_WRITABLE,
    errno.EXDEV: FailureCode.OUTPUT_NOT_WRITABLE,
    errno.ENOTCONN: FailureCode.OUTPUT_ROOT_MISSING,
}


class _Refusal:
    """A system call that fails at its n-th call from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, at: int, code: int) -> None:
        self.fired = False
        self._calls = 0
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            self._calls += 1
            if self._calls == at:
                self.fired = True
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("code", _CODES)
@pytest.mark.parametrize("step", _STEPS)
def test_a_failed_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    """Each call of each type fails in turn, until no call is left to fail."""
    for at in range(1, 40):
        root = tmp_path / f"root-{at}"
        root.mkdir()
        store = Tree(root)
        staging = store.open()
        (staging.path / "a.png").write_bytes(media_samples.png())
        (staging.path / "b.png").write_bytes(media_samples.png())
        with monkeypatch.context() as patch:
            refusal = _Refusal(patch, step, at, code)
            stored = store.close(staging)
        if not refusal.fired:
            assert at > 1, "the step was never taken"
            stored.unwrap()
            return
        store.sweep(keep_placed=is_successful(stored))
        if is_successful(stored):
            # The last open file leaves nothing after a success.
            assert step == "open"
            assert store.contents() == [f"image/{FOLDER}{end}" for end in ("", "/a.png", "/b.png")]
        else:
            assert stored.failure().code is _CODES[code]
            assert str(root) in stored.failure().message
            assert store.contents() == []
    pytest.fail("the step never ended")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_staging_folder_that_cannot_be_made_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """With the two environment failures that pause the queue until they are fixed."""
    _Refusal(monkeypatch, "mkdir", 1, code)
    assert tree.store.open_staging(Kind.IMAGE, RenderKey(1, 1), 1).failure().code is _CODES[code]


@pytest.mark.parametrize("name", [".staging", "image"])
def test_a_folder_that_another_slot_creates_concurrently_is_no_failure(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Both check for it at the same time, and one of them creates it in between."""
    folder = tree.root / name
    access = os.access

    def accessed(path: Path, mode: int, **options: bool) -> bool:
        is_allowed = access(path, mode, **options)
        if path == folder:
            folder.mkdir(exist_ok=True)
        return is_allowed

    monkeypatch.setattr(os, "access", accessed)
    assert tree.store.preflight() is None


def test_a_file_is_no_root(tmp_path: Path) -> None:
    """It is reported as missing, and kept."""
    root = tmp_path / "root"
    root.write_text("precious")
    failure = Tree(root).store.open_staging(Kind.IMAGE, RenderKey(1, 1), 1).failure()
    assert failure.code is FailureCode.OUTPUT_ROOT_MISSING
    assert root.read_text() == "precious"


def test_a_missing_root_is_never_created(tmp_path: Path) -> None:
    """Fault 20: a volume may be mounted there later."""
    store = Tree(tmp_path / "volume" / "media").store
    refusal = store.preflight()
    assert refusal is not None
    failure = store.open_staging(Kind.IMAGE, RenderKey(1, 1), 1).failure()
    assert refusal.code is failure.code is FailureCode.OUTPUT_ROOT_MISSING
    assert list(tmp_path.iterdir()) == []


def test_a_volume_unmounted_during_a_render_is_named(tree: Tree) -> None:
    """The mount point below it is a folder too, and must not be filled."""
    staging = tree.open()
    (tree.root / ".staging").rename(tree.root.parent / "unmounted")
    failure = tree.close(staging).failure()
    assert failure.code is FailureCode.OUTPUT_ROOT_MISSING
    assert list(tree.root.iterdir()) == []


def test_a_file_in_place_of_a_kinds_folder_is_named(tree: Tree) -> None:
    """Another program's file called "image" is kept."""
    (tree.root / "image").write_text("precious")
    failure = tree.keep({"a.png": media_samples.png()}).failure()
    assert failure.code is FailureCode.OUTPUT_NOT_WRITABLE
    assert (tree.root / "image").read_text() == "precious"


@pytest.mark.parametrize("sort", ["empty folder", "file", "dangling link"])
def test_nothing_that_exists_is_replaced(tree: Tree, sort: str) -> None:
    """Fault 25: rename would silently replace an empty folder."""
    place = tree.root / "image" / FOLDER
    place.parent.mkdir()
    if sort == "empty folder":
        place.mkdir()
    elif sort == "file":
        place.touch()
    else:
        place.symlink_to("nowhere")
    before = place.lstat().st_ino
    assert tree.keep({"a.png": media_samples.png()}).unwrap().folder == f"{FOLDER}_2"
    assert place.lstat().st_ino == before


def test_a_name_taken_at_the_last_moment_is_skipped(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two programs may check at the same time; `rename` decides between them."""
    real = os.rename
    rivals: list[str] = []

    def rename(source: str, target: str, **kwargs: int) -> None:
        if os.path.basename(target) == FOLDER and not rivals:  # noqa: PTH119
            rivals.append(str(target))
            (tree.root / "image" / FOLDER).mkdir()
            (tree.root / "image" / FOLDER / "rival.png").write_bytes(b"theirs")
        real(source, target, **kwargs)

    monkeypatch.setattr(os, "rename", rename)
    assert tree.keep({"a.png": media_samples.png()}).unwrap().folder == f"{FOLDER}_2"
    assert rivals
    assert (tree.root / "image" / FOLDER / "rival.png").read_bytes() == b"theirs"


def test_leftovers_of_an_earlier_attempt_are_replaced(tree: Tree) -> None:
    """A store that died while copying left a folder with the same name."""
    staging = tree.open()
    leftover = staging.path.with_name(f"{staging.name}.final")
    leftover.mkdir()
    (leftover / "old.png").write_bytes(b"half")
    (staging.path / "a.png").write_bytes(media_samples.png())
    assert [facts.name for facts in tree.close(staging).unwrap().files] == ["a.png"]


def test_withdrawing_keeps_files_that_others_added(tree: Tree) -> None:
    """The render's files are removed; another program's file in the folder stays."""
    stored = tree.place({"a.png": media_samples.png()}).unwrap()
    folder = tree.root / "image" / stored.folder
    (folder / "notes.txt").write_text("theirs")
    tree.sweep(keep_placed=False)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_withdrawing_keeps_files_that_others_changed(tree: Tree) -> None:
    """A file with the same name and length but other bytes is not the published one."""
    stored = tree.place({"a.png": media_samples.png()}).unwrap()
    file = tree.root / "image" / stored.folder / "a.png"
    file.write_bytes(media_samples.png()[:-1] + b"!")
    tree.sweep(keep_placed=False)
    assert file.exists()


def test_withdrawing_does_not_follow_a_link(tree: Tree, tmp_path: Path) -> None:
    """The folder was moved elsewhere and replaced by a link, which is not followed."""
    stored = tree.place({"a.png": media_samples.png()}).unwrap()
    folder = tree.root / "image" / stored.folder
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    tree.sweep(keep_placed=False)
    assert (tmp_path / "moved" / "a.png").exists()


def test_no_descriptor_is_left_open(tree: Tree) -> None:
    """Success, refusal and failure all close their descriptors."""
    if not os.path.isdir("/dev/fd"):  # noqa: PTH112
        pytest.skip("the system does not list open descriptors")
    pictures = {"deep/a.png": media_samples.png(), "b.png": media_samples.png()}
    tree.keep(pictures).unwrap()
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for files in (pictures, {"deep/er/a.png": b"broken"}, {"a.txt": b""}):
        assert is_successful(tree.place(files)) == (files is pictures)
        tree.sweep(keep_placed=False)
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208
