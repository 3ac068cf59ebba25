"""Copies that share blocks where the file system can, and are the same everywhere."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import stat
from typing import TYPE_CHECKING

import pytest

from adapters.file_copies import FICLONE, copy_file

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"a picture" * 100_000


def test_a_copy_has_every_byte_and_a_hash_of_them(tmp_path: Path) -> None:
    """From a file, and from what is none; other users can read it."""
    (tmp_path / "a.png").write_bytes(CONTENT)
    for number, source in enumerate((io.FileIO(tmp_path / "a.png"), _Remote(CONTENT))):
        digest, target = hashlib.sha256(), tmp_path / f"copy{number}"
        with source:
            assert copy_file(source, target, digest) == len(CONTENT)
        assert target.read_bytes() == CONTENT
        assert digest.digest() == hashlib.sha256(CONTENT).digest()
        assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_copy_shares_the_blocks_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written then, and the copy is hashed: a writer may still change the file."""
    (tmp_path / "a.png").write_bytes(b"new content")

    def clone(copy: io.FileIO, request: int, _source: int) -> None:
        assert request == FICLONE
        os.pwrite(copy.fileno(), b"as it was", 0)

    monkeypatch.setattr(fcntl, "ioctl", clone)
    digest = hashlib.sha256()
    with io.FileIO(tmp_path / "a.png") as source:
        assert copy_file(source, tmp_path / "copy", digest, 100) == len(b"as it was")
    assert (tmp_path / "copy").read_bytes() == b"as it was"
    assert digest.hexdigest() == hashlib.sha256(b"as it was").hexdigest()


def test_a_copy_ends_at_the_limit_and_replaces_nothing(tmp_path: Path) -> None:
    """The size says so; a name that is taken, by a link too, is an error."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExistsError):
        copy_file(_Remote(CONTENT), tmp_path / "link")
    assert copy_file(_Remote(CONTENT), tmp_path / "copy", max_bytes=300_000) > 300_000
    assert (tmp_path / "copy").stat().st_size < len(CONTENT)


class _Remote(io.RawIOBase):
    """Bytes that are in no file."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._content.readinto(buffer)
