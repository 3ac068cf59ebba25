"""Only plain files below the root are opened, and their content decides their type."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media_files.media_file import (
    MediaFolder,
    format_of,
    open_published,
)
from adapters.media_formats import CONTENT_TYPES
from tests.media_samples import FORMATS, id3v2_tag, media, with_id3_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "image/7_20260106T213045/a.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output root with one file, next to a private file."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    file = tmp_path / "root" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"shown")
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def _no_descriptor_stays() -> Iterator[None]:
    """Check that no descriptor stays open, whatever is refused."""
    listing = Path("/dev/fd")
    before = len(list(listing.iterdir()))
    yield
    assert len(list(listing.iterdir())) == before


def test_a_published_file_is_opened(root: Path) -> None:
    """It has the bytes of the file."""
    file = open_published(root, NAME)
    assert file is not None
    with file:
        assert file.read() == b"shown"


def test_the_root_may_be_reached_by_a_link(root: Path) -> None:
    """A root on another volume is often a link."""
    link = root.parent / "link"
    link.symlink_to(root)
    file = open_published(link, NAME)
    assert file is not None
    file.close()


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "..",
        "../secret.txt",
        "image/../../secret.txt",
        "image/../image/7_20260106T213045/a.png",
        "/etc/passwd",
        "//etc/passwd",
        f"/{NAME}",
        f"{NAME}/",
        f"./{NAME}",
        "image//7_20260106T213045/a.png",
        "image",
        "image/7_20260106T213045",
        f"{NAME}/a.png",
        "image/none.png",
        f"{NAME}\0",
        "image\0/a.png",
        "a" * 300,
        "a/" * 3000 + "a",
        "a/" * 500 + "a",
        "image/\udcff.png",
        "image\\a.png",
        ".staging/a.png",
    ],
)
def test_other_paths_lead_nowhere(root: Path, path: str) -> None:
    """They are not found, and no exception is raised."""
    assert open_published(root, path) is None


def test_no_link_is_followed(root: Path) -> None:
    """A link is not found: as the file, or as any folder above it, inside the root or not."""
    (root / "out.png").symlink_to(root.parent / "secret.txt")
    (root / "in.png").symlink_to(root / NAME)
    (root / "up").symlink_to(root.parent)
    (root / "shelf").symlink_to(root / "image")
    (root / "loop").symlink_to(root / "loop")
    folder = NAME.rpartition("/")[0].rpartition("/")[2]
    for path in ("out.png", "in.png", "up/secret.txt", f"shelf/{folder}/a.png", "loop", "loop/a"):
        assert open_published(root, path) is None, path


def test_only_plain_files_are_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe does not block; sockets and folders are not found."""
    os.mkfifo(root / "pipe.png")
    monkeypatch.chdir(root)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.png")
        assert open_published(root, "pipe.png") is None
        assert open_published(root, "s.png") is None


def test_a_missing_root_has_no_files(tmp_path: Path) -> None:
    """An unmounted volume has no files."""
    assert open_published(tmp_path / "away", NAME) is None


def test_a_lack_of_descriptors_is_no_missing_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the machine's problem instead of a missing file."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match="too many"):
        open_published(root, NAME)


TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg; codecs=opus",
    "m4a": "audio/mp4",
}


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_accepted_format_is_recognised(format_name: str) -> None:
    """Real files of every format, by their first bytes."""
    found = format_of(media(format_name)[:512])
    assert found == format_name
    assert CONTENT_TYPES[found] == TYPES[format_name]


def test_flac_after_tags_is_flac(tmp_path: Path) -> None:
    """However large the tag is, and whatever the file is called."""
    padded = b"ID3\x04\x00\x00" + bytes([0, 0, 0x40, 0]) + bytes(0x2000)
    for number, tags in enumerate((id3v2_tag(), id3v2_tag() * 2, padded)):
        path = f"audio/1_x/{number}.mp3"
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(tags + media("flac"))
        found = MediaFolder(tmp_path).open(path, {})
        assert found is not None
        with found.file as file:
            assert (found.format, file.tell()) == ("flac", 0)


def test_an_mp3_with_tags_is_recognised() -> None:
    """The tags precede the sound."""
    assert format_of(with_id3_tags(media("mp3"))[:512]) == "mp3"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\x20ftypavif\0\0\0\0",
        b"\0\0\0\x20ftypheic\0\0\0\0",
        b"GIF89a" + bytes(40),
        b"%PDF-1.7" + bytes(40),
        b"RIFF\0\0\0\0AVI " + bytes(40),
        b"\xff\xfeh\0t\0m\0l\0" + bytes(40),
    ],
)
def test_other_content_is_plain_bytes(head: bytes) -> None:
    """A browser gets no type that it would execute."""
    assert CONTENT_TYPES[format_of(head)] == CONTENT_TYPES[None]


@given(st.binary(max_size=600))
def test_any_bytes_have_a_type(head: bytes) -> None:
    """Whatever the first bytes are."""
    assert CONTENT_TYPES[format_of(head)] in {*TYPES.values(), CONTENT_TYPES[None]}


def _identity(root: Path, metadata: dict[str, object]) -> tuple[str, bool]:
    found = MediaFolder(root).open("a.png", metadata)
    assert found is not None
    found.file.close()
    return found.identity, found.is_certain


def test_the_digest_of_the_row_identifies_a_file_of_that_size(tmp_path: Path) -> None:
    """It covers every byte."""
    (tmp_path / "a.png").write_bytes(b"12345")
    known = {"sha256": "0a" * 32, "file_size": 5}
    assert _identity(tmp_path, known) == ("0a" * 32, True)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"sha256": "0a" * 32},
        {"sha256": "0a" * 32, "file_size": 6},
        {"sha256": "0a" * 32, "file_size": "5"},
        {"sha256": "not a digest", "file_size": 5},
        {"sha256": 'a"\r\nX: y' + "0" * 64, "file_size": 5},
        {"sha256": ["0a" * 32], "file_size": 5},
    ],
)
def test_without_a_digest_time_and_inode_identify_a_file(
    tmp_path: Path, metadata: dict[str, object]
) -> None:
    """This identity is less certain, and changes with the file."""
    file = tmp_path / "a.png"
    file.write_bytes(b"12345")
    before, certain = _identity(tmp_path, metadata)
    assert not certain
    (tmp_path / "b.png").write_bytes(b"54321")
    (tmp_path / "b.png").replace(file)
    assert _identity(tmp_path, metadata) != (before, False)
