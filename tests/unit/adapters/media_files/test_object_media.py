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
from entrypoints.web.errors import ApiError
from entrypoints.web.file_responses import file_response
from tests.media_samples import mp3, png, with_id3_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flask import Response

ORIGIN = "https://store.example:9000"
NAME = "image/7_20260106T213045/a.png"


class _Objects:
    """Object storage in memory that counts requests."""

    address = "s3://memory"

    def __init__(
        self, content: bytes = b"", name: str = NAME, link_origin: str | None = None
    ) -> None:
        self.contents = {name: content}
        self.link_origin = link_origin
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

    def link(self, key: str) -> str:
        return f"{self.link_origin}/{key}?signature"

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


def _answered(content: bytes, environ: Mapping[str, str], *, is_download: bool = False) -> Response:
    """The response to a request for a file to which there are links."""
    opened = ObjectMedia(_Objects(content, link_origin=ORIGIN)).open(NAME, _row(content))
    assert opened is not None
    request = Request(EnvironBuilder().get_environ() | dict(environ))
    response = file_response(request, opened, "a.png", is_download=is_download)
    response.close()
    assert opened.file.closed
    return response


@pytest.mark.parametrize("byte_range", [None, "bytes=0-", "bytes=5-9"])
def test_a_client_is_sent_to_a_link(byte_range: str | None) -> None:
    """For the whole file, and for one part of it, for which clients ask there again."""
    response = _answered(bytes(999), {"HTTP_RANGE": byte_range} if byte_range else {})
    assert response.status_code == 307
    assert response.headers["Location"] == f"{ORIGIN}/{NAME}?signature"
    assert response.headers["Cache-Control"] == "private, max-age=300"
    assert "Sec-Fetch-Mode" in response.headers["Vary"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "ETag" not in response.headers


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"REQUEST_METHOD": "HEAD"}, 200),  # a signature is for one method
        ({"HTTP_RANGE": "bytes=0-1,500-501"}, 206),  # stores know no multiple ranges
        ({"HTTP_RANGE": "bytes=0-1", "HTTP_IF_RANGE": '"x"'}, 200),
        ({"HTTP_IF_NONE_MATCH": '"x"'}, 200),  # the store would compare with its own
        ({"HTTP_IF_NONE_MATCH": "*"}, 304),
        ({"HTTP_IF_MATCH": "*"}, 200),
        ({"HTTP_ORIGIN": "http://localhost:3000"}, 200),  # a script may not read the store's answer
        ({"HTTP_SEC_FETCH_MODE": "cors"}, 200),
    ],
    ids=str,
)
def test_what_the_store_would_answer_otherwise_is_not_left_to_it(
    environ: dict[str, str], status: int
) -> None:
    """Conditions, other methods, and scripts."""
    assert _answered(bytes(999), environ).status_code == status


def test_downloads_and_unknown_contents_are_not_left_to_the_store() -> None:
    """Only here do they have their names, and an unknown content is never shown."""
    assert _answered(bytes(999), {}, is_download=True).status_code == 200
    opened = ObjectMedia(_Objects(b"<script>", link_origin=ORIGIN)).open(NAME, {})
    assert opened is not None
    request = Request(EnvironBuilder().get_environ())
    response = file_response(request, opened, "a.png", is_download=False)
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith("attachment")
    response.close()


def test_a_range_outside_of_the_file_is_refused_here() -> None:
    """With the size of the file."""
    with pytest.raises(ApiError, match="the file has 999 bytes"):
        _answered(bytes(999), {"HTTP_RANGE": "bytes=999-"})
