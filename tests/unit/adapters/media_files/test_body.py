"""A body reads like a file that holds exactly its pieces."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media_files.body import AT_ONCE, MediaBody
from adapters.media_files.byte_ranges import Stretch

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 8
PIECES = st.binary(max_size=20) | st.tuples(st.integers(0, 2048), st.integers(0, 2048)).map(
    lambda pair: Stretch(min(pair), max(pair))
)


def _file(folder: Path, content: bytes = CONTENT) -> io.FileIO:
    (folder / "file").write_bytes(content)
    return io.FileIO(folder / "file")


@given(
    pieces=st.lists(PIECES, max_size=6),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=30),
)
def test_it_agrees_with_a_file_in_memory(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[bytes | Stretch],
    steps: list[tuple[bool, int]],
) -> None:
    """Reads and moves give what a file of the same bytes gives, perhaps in shorter bits."""
    whole = b"".join(
        CONTENT[each.first : each.end] if isinstance(each, Stretch) else each for each in pieces
    )
    model = io.BytesIO(whole)
    path = tmp_path_factory.getbasetemp() / "body"
    if not path.exists():
        path.write_bytes(CONTENT)
    with io.FileIO(path) as file:
        body = MediaBody(file, pieces)
        assert len(body) == len(whole)
        for reads, number in steps:
            if reads:
                found = body.read(number)
                assert found == model.read(len(found))
                assert found or number == 0 or model.read(1) == b""
            else:
                assert body.seek(number) == model.seek(number)
            assert body.tell() == model.tell()
            part = body.next_part(number)
            if part is not None:
                assert 0 < part.length <= number
                told = os.pread(part.descriptor, part.length, part.first)
                assert told == whole[body.tell() :][: part.length]
        assert body.seek(0, os.SEEK_END) == len(whole)
        body.seek(0)
        assert body.read() == whole


def test_no_read_takes_much_memory(tmp_path: Path) -> None:
    """A server that asks for megabytes gets them bit by bit: a slow client takes few at a time."""
    size = 3 * AT_ONCE
    with _file(tmp_path, bytes(size)) as file:
        assert len(MediaBody(file, [Stretch(0, size)]).read(size)) == AT_ONCE


def test_a_file_that_is_removed_is_read_to_its_end(tmp_path: Path) -> None:
    """Whoever began to listen hears the song to its end."""
    with _file(tmp_path) as file:
        body = MediaBody(file, [Stretch(0, len(CONTENT))])
        start = body.read(10)
        (tmp_path / "file").unlink()
        assert start + body.read() == CONTENT


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    """An empty read would keep the server busy for ever with a client that it cannot satisfy."""
    with _file(tmp_path) as file:
        body = MediaBody(file, [Stretch(0, len(CONTENT))])
        body.read(10)
        os.truncate(tmp_path / "file", 10)
        with pytest.raises(OSError, match="shorter"):
            body.read(10)


def test_after_closing_nothing_is_read(tmp_path: Path) -> None:
    """Its descriptor may be somebody else's by then."""
    body = MediaBody(_file(tmp_path), [Stretch(0, 5)])
    body.close()
    body.close()
    with pytest.raises(OSError, match="closed"):
        body.read(1)
