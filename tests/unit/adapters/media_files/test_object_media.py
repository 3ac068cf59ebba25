"""An object reads like a file with the same bytes, in few requests, while it is unchanged."""

from __future__ import annotations

import errno
import hashlib
import io
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from adapters.media_files.object_media import MAX_BLOCK_BYTES, MIN_BLOCK_BYTES, ObjectMedia
from application.ports.object_storage import ObjectFacts
from entrypoints.web.file_responses import file_response
from tests.media_samples import mp3, png, with_id3_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "image/7_20260106T213045/a.png"


class _Objects:
    """Object storage in memory that counts requests."""

    address = "s3://memory"

    def __init__(self, content: bytes = b"", name: str = NAME) -> None:
        self.contents = {name: content}
        self.reads: list[tuple[int, int]] = []
        self.stats = 0

    def check(self) -> None:
        """Do nothing."""

    def create(self, key: str, file: Path, content_type: str, labels: Mapping[str, str]) -> bool:
        raise NotImplementedError

    def stat(self, key: str) -> ObjectFacts | None:
        self.stats += 1
        content = self.contents.get(key)
        if content is None:
            return None
        return ObjectFacts(len(content), 1_800_000_000.0, self._etag(content), {})

    def read(self, key: str, start: int, length: int, etag: str = "") -> bytes:
        content = self.contents[key]
        if etag != self._etag(content):
            raise OSError(errno.EIO, "the object is another one by now")
        self.reads.append((start, length))
        return content[start : start + length]

    def delete(self, key: str) -> None:
        del self.contents[key]

    @staticmethod
    def _etag(content: bytes) -> str:
        return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _row(content: bytes, format_name: str = "png") -> dict[str, object]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"sha256": sha256, "file_size": len(content), "format": format_name}


@given(
    content=st.binary(min_size=1, max_size=400),
    steps=st.lists(st.tuples(st.sampled_from("rse"), st.integers(0, 500)), max_size=20),
)
def test_it_reads_like_a_file_in_memory(content: bytes, steps: list[tuple[str, int]]) -> None:
    """Reads and seeks give the same, perhaps in smaller pieces."""
    opened = ObjectMedia(_Objects(content)).open(NAME, _row(content))
    assert opened is not None
    model = io.BytesIO(content)
    with closing(opened.file) as file:
        for step, number in steps:
            if step == "r":
                part = file.read(number)
                assert part is not None
                assert part == model.read(len(part))
                assert part or number == 0 or model.read(1) == b""
            elif step == "s":
                assert file.seek(number) == model.seek(number)
            else:
                assert file.seek(0, io.SEEK_END) == model.seek(0, io.SEEK_END)
        file.seek(0)
        assert file.readall() == content


def test_bytes_are_requested_when_they_are_read(tmp_path: Path) -> None:
    """None for a file that its row describes; then large blocks, also for many small reads."""
    content = bytes(range(256)) * 65_536
    objects = _Objects(content)
    opened = ObjectMedia(objects).open(NAME, _row(content))
    assert opened is not None
    assert (opened.format, opened.is_certain, opened.is_remote) == ("png", True, True)
    assert (objects.stats, objects.reads) == (1, [])
    with closing(opened.file) as file:
        file.seek(1_000_000)
        assert (
            b"".join(file.read(4096) or b"" for _ in range(4000))
            == content[1_000_000:][: 4000 * 4096]
        )
    lengths = [length for _, length in objects.reads]
    assert lengths[0] == MIN_BLOCK_BYTES
    assert max(lengths) == MAX_BLOCK_BYTES
    assert len(lengths) < 10


@pytest.mark.parametrize(
    ("content", "expected"),
    [(png(), "png"), (mp3(), "mp3"), (with_id3_tags(mp3()), "mp3"), (b"text", None)],
)
def test_without_facts_in_the_row_the_content_is_read(content: bytes, expected: str | None) -> None:
    """As for files of other programs, whose metadata are incomplete."""
    opened = ObjectMedia(_Objects(content)).open(NAME, {})
    assert opened is not None
    with closing(opened.file) as file:
        assert (opened.format, opened.is_certain) == (expected, False)
        assert file.read(len(content)) == content


@pytest.mark.parametrize("path", ["image/none.png", "../a.png", "/etc/passwd", ".mediagen/x", ""])
def test_missing_and_invalid_keys_are_not_served(path: str) -> None:
    """An invalid key is not even requested."""
    objects = _Objects(b"x")
    assert ObjectMedia(objects).open(path, {}) is None
    assert objects.stats == (path == "image/none.png")


def test_a_replaced_object_is_not_mixed_with_the_old_one() -> None:
    """Its bytes belong to another file."""
    content = bytes(2 * MIN_BLOCK_BYTES)
    objects = _Objects(content)
    opened = ObjectMedia(objects).open(NAME, _row(content))
    assert opened is not None
    with closing(opened.file) as file:
        file.read(10)
        objects.contents[NAME] = b"y" * len(content)
        file.seek(MIN_BLOCK_BYTES)
        with pytest.raises(OSError, match="another one"):
            file.read(10)
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_a_response_is_read_in_a_request_thread() -> None:
    """Not in the thread of all connections, as a file would be; closing closes the object."""
    content = bytes(range(256)) * 8192
    opened = ObjectMedia(_Objects(content)).open(NAME, _row(content))
    assert opened is not None
    environ = EnvironBuilder(headers=[("Range", "bytes=5-1500000")]).get_environ()
    environ["wsgi.file_wrapper"] = None  # must not be used
    response = file_response(Request(environ), opened, "a.png", is_download=False)
    assert response.status_code == 206
    assert b"".join(response.response) == content[5:1_500_001]  # type: ignore[arg-type]
    response.close()
    assert opened.file.closed
