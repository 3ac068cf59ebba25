"""Workflow output that is no plain file: faults 20, 23, 24, 31."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from adapters.filesystem import collection
from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.media import InvalidMediaError
from domain.failure import FailureCode
from domain.prompt import Kind
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.failure import Failure


def _link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def _hard_link(place: Path, outside: Path) -> None:
    place.hardlink_to(outside)


def _pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


def _socket(place: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(place.parent, os.O_RDONLY)
        before = os.open(".", os.O_RDONLY)
        try:
            os.fchdir(here)  # the path of a socket must be short
            listener.bind(place.name)
        finally:
            os.fchdir(before)
            os.close(here)
            os.close(before)


def _device(place: Path, outside: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    os.mknod(place, 0o20666, os.makedev(1, 3))


@pytest.mark.parametrize("make", [_link, _hard_link, _pipe, _socket, _device])
@pytest.mark.parametrize("name", ["b.png", "deep/er/b.png"])
def test_special_files_and_links_are_refused(
    tree: Tree, tmp_path: Path, make: Callable[[Path, Path], None], name: str
) -> None:
    """Fault 23: at once, without waiting, and without changing anything outside."""
    outside = tmp_path / "outside.png"
    outside.write_bytes(media_samples.png())
    staging = tree.open()
    (staging.path / "a.png").write_bytes(media_samples.png())
    place = staging.path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    make(place, outside)
    failure = tree.close(staging).failure()
    tree.sweep()
    assert failure.code is FailureCode.FILE_REFUSED
    assert name in failure.message
    assert outside.read_bytes() == media_samples.png()
    assert tree.contents() == []


@pytest.mark.parametrize("make", [_link, _hard_link, _pipe, _socket, _device])
def test_special_files_are_refused_before_they_are_opened(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """Opening a device may start it."""
    outside = tmp_path / "outside"
    outside.touch()
    left = tmp_path / "left"
    left.mkdir()
    make(left / "a.png", outside)
    top = os.open(left, os.O_RDONLY)
    try:
        with pytest.raises(InvalidMediaError, match=r"'a\.png' is a "):
            collection.find_candidates(top, Kind.IMAGE, StoreLimits())
    finally:
        os.close(top)


def test_a_linked_folder_is_not_entered(tree: Tree, tmp_path: Path) -> None:
    """Its contents are not found, and not removed with the staging folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.png").write_bytes(media_samples.png())
    staging = tree.open()
    (staging.path / "latest").symlink_to(outside)
    assert tree.close(staging).failure().code is FailureCode.NO_FILES
    tree.sweep()
    assert [path.name for path in outside.iterdir()] == ["private.png"]
    assert tree.contents() == []


def test_a_staging_folder_that_became_a_link_is_refused(tree: Tree, tmp_path: Path) -> None:
    """A workflow may replace the folder itself; sweeping removes only the link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.png").write_bytes(media_samples.png())
    staging = tree.open()
    staging.path.rmdir()
    staging.path.symlink_to(outside)
    assert tree.close(staging).failure().code is FailureCode.FILE_REFUSED
    tree.sweep()
    assert (outside / "private.png").exists()
    assert tree.contents() == []


def test_a_file_replaced_by_a_link_is_refused(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that escaped could do so between the search and the reading."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(media_samples.png())
    staging = tree.open()
    place = staging.path / "sub" / "a.png"
    place.parent.mkdir()
    place.write_bytes(media_samples.png())
    found = collection.find_candidates

    def find_then_swap(top: int, kind: Kind, limits: StoreLimits) -> list[tuple[str, ...]]:
        candidates = found(top, kind, limits)
        place.unlink()
        place.symlink_to(secret)
        return candidates

    monkeypatch.setattr(collection, "find_candidates", find_then_swap)
    assert tree.close(staging).failure().code is FailureCode.FILE_REFUSED


def test_an_escaped_process_cannot_change_a_published_file(tree: Tree) -> None:
    """Fault 31: it has the old file open, and only that one."""
    staging = tree.open()
    with (staging.path / "a.png").open("wb") as writer:
        writer.write(media_samples.png())
        writer.flush()
        stored = tree.close(staging).unwrap()
        writer.seek(0)
        writer.write(b"overwritten")
        writer.flush()
    tree.sweep()
    published = tree.root / "image" / stored.folder / "a.png"
    assert published.read_bytes() == media_samples.png()


def test_hidden_files_and_those_of_macos_are_skipped(tree: Tree) -> None:
    """AppleDouble files have media names but contain no media."""
    png = media_samples.png()
    files = {"._a.png": b"\0\5\x16\7", ".DS_Store": b"x", ".cache/b.png": b"half", "a.png": png}
    (facts,) = tree.keep(files).unwrap().files
    assert facts.name == "a.png"


def test_other_files_are_named_in_the_failure(tree: Tree) -> None:
    """Up to five, so that the message stays readable."""
    failure = tree.keep({f"sub/thing_{number}.txt": b"" for number in range(9)}).failure()
    assert failure.code is FailureCode.NO_FILES
    assert failure.message.count("thing_") == 5
    assert "png" in failure.message


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "name", ["a.webm", "sub/a.AVIF", "a_00001_.exr", "a.mp4", "a.gif", "a.tiff", "a.aac", "a.mkv"]
)
def test_the_failure_for_another_format_names_formats(tree: Tree, kind: Kind, name: str) -> None:
    """Not folders; next to an accepted file it does no harm."""
    logs = {f"log_{number}.txt": b"x" for number in range(9)}
    failure = tree.keep({**logs, name: b"x" * 99}, kind).failure()
    assert failure.code is FailureCode.FORMAT_UNSUPPORTED
    assert f"{name!r}, which is not published" in failure.message
    assert "folder" not in failure.hint
    assert "PNG, JPEG or WebP" in failure.hint
    accepted = {"b.png": media_samples.png(), "b.mp3": media_samples.mp3()}
    assert len(tree.keep({name: b"x", **accepted}, kind).unwrap().files) == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"\x76\x2f\x31\x01" + bytes(40), "OpenEXR"),
        (b"\x1a\x45\xdf\xa3" + bytes(40), "WebM"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "RF64"),
    ],
)
def test_another_format_under_an_accepted_name(tree: Tree, content: bytes, name: str) -> None:
    """The message names the format of the content."""
    kind, suffix = (Kind.AUDIO, "wav") if name in {"WebM", "RF64"} else (Kind.IMAGE, "png")
    failure = tree.keep({f"a.{suffix}": content}, kind).failure()
    assert failure.code is FailureCode.FORMAT_UNSUPPORTED
    assert name in failure.message


def test_the_number_of_files_is_limited(tree: Tree) -> None:
    """Fault 24: the search ends at the limit."""
    failure = tree.keep({f"{number}.png": b"" for number in range(501)}).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert tree.contents() == []


def test_the_number_of_bytes_is_limited(tree: Tree) -> None:
    """Fault 24: 5 GB, sparse or not, media or not."""
    staging = tree.open()
    (staging.path / "a.png").write_bytes(media_samples.png())
    with (staging.path / "latent.bin").open("wb") as file:
        file.truncate(5 * 10**9)
    assert tree.close(staging).failure().code is FailureCode.TOO_MUCH_OUTPUT


def test_a_file_that_grows_while_it_is_read_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts copied bytes, not the size seen before."""
    store = Tree(tmp_path, StoreLimits(max_bytes=1000))
    staging = store.open()
    place = staging.path / "a.png"
    place.write_bytes(media_samples.png())
    found = collection.find_candidates

    def find_then_grow(top: int, kind: Kind, limits: StoreLimits) -> list[tuple[str, ...]]:
        candidates = found(top, kind, limits)
        place.write_bytes(bytes(2000))
        return candidates

    monkeypatch.setattr(collection, "find_candidates", find_then_grow)
    assert store.close(staging).failure().code is FailureCode.TOO_MUCH_OUTPUT


def test_very_deep_folders_are_refused_and_removed(tree: Tree) -> None:
    """Even if a path is longer than the system allows."""
    staging = tree.open()
    _dig(staging.path, 400)
    failure: Failure = tree.close(staging).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    tree.sweep()
    assert os.listdir(tree.root / ".staging") == []  # noqa: PTH208


def _dig(top: Path, depth: int) -> None:
    """Create nested folders."""
    folder = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a-folder-with-a-long-name", dir_fd=folder)
        deeper = os.open("a-folder-with-a-long-name", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)


def test_a_file_that_grows_while_it_is_copied_is_refused(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size was within the limits when the folder was searched."""
    monkeypatch.setattr(collection, "copy_file", lambda *_: 10**12)
    failure = tree.keep({"a.png": media_samples.png()}).failure()
    assert "grew beyond all limits" in failure.message
