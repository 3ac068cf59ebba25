"""What a file is, is told by its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media_files.content import ANYTHING, content_type, format_of
from adapters.media_files.media_file import open_media
from tests.media_samples import FORMATS, media, with_id3_tags

if TYPE_CHECKING:
    from pathlib import Path

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
def test_each_accepted_format_is_known(format_name: str) -> None:
    """Real files of every format, by their first bytes."""
    found = format_of(media(format_name)[:512])
    assert found == format_name
    assert content_type(found) == TYPES[format_name]


def test_an_mp3_with_tags_is_one() -> None:
    """Tags stand before the sound."""
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
def test_anything_else_is_only_bytes(head: bytes) -> None:
    """A browser is told nothing that it could run."""
    assert content_type(format_of(head)) == ANYTHING


@given(st.binary(max_size=600))
def test_any_bytes_have_a_type(head: bytes) -> None:
    """No first bytes are a surprise."""
    assert content_type(format_of(head)) in {*TYPES.values(), ANYTHING}


def _identity(root: Path, metadata: dict[str, object]) -> tuple[str, bool]:
    found = open_media(root, "a.png", metadata)
    assert found is not None
    found.file.close()
    return found.identity, found.is_certain


def test_the_digest_of_the_row_identifies_a_file_of_that_size(tmp_path: Path) -> None:
    """It stands for every byte."""
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
def test_without_it_time_and_inode_must_do(tmp_path: Path, metadata: dict[str, object]) -> None:
    """The identity is less than certain, and changes with the file."""
    file = tmp_path / "a.png"
    file.write_bytes(b"12345")
    before, certain = _identity(tmp_path, metadata)
    assert not certain
    (tmp_path / "b.png").write_bytes(b"54321")
    (tmp_path / "b.png").replace(file)
    assert _identity(tmp_path, metadata) != (before, False)
