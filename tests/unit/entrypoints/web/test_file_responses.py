"""A body reads like a file with exactly its parts; ranges agree with a model."""

from __future__ import annotations

import errno
import io
import mmap
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.web.file_responses import (
    MAX_RANGES,
    MAX_READ_BYTES,
    ByteRange,
    FileBody,
    requested_ranges,
)

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 8
PIECES = st.binary(max_size=20) | st.tuples(st.integers(0, 2048), st.integers(0, 2048)).map(
    lambda pair: ByteRange(min(pair), max(pair))
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
    pieces: list[bytes | ByteRange],
    steps: list[tuple[bool, int]],
) -> None:
    """Reads and seeks give the same as in a real file, perhaps in smaller pieces."""
    whole = b"".join(
        CONTENT[each.first : each.end] if isinstance(each, ByteRange) else each for each in pieces
    )
    model = io.BytesIO(whole)
    path = tmp_path_factory.getbasetemp() / "body"
    if not path.exists():
        path.write_bytes(CONTENT)
    with io.FileIO(path) as file:
        body = FileBody(file, pieces)
        assert len(body) == len(whole)
        for reads, number in steps:
            if reads:
                found = body.read(number)
                assert found == model.read(len(found))
                assert found or number == 0 or model.read(1) == b""
            else:
                assert body.seek(number) == model.seek(number)
            assert body.tell() == model.tell()
        assert body.seek(0, os.SEEK_END) == len(whole)
        body.seek(0)
        assert body.read() == whole


def test_no_read_takes_much_memory(tmp_path: Path) -> None:
    """A server that asks for megabytes gets small pieces: a slow client takes few at a time."""
    size = 3 * MAX_READ_BYTES
    with _file(tmp_path, bytes(size)) as file:
        assert len(FileBody(file, [ByteRange(0, size)]).read(size)) == MAX_READ_BYTES


def test_a_file_that_is_removed_is_read_to_its_end(tmp_path: Path) -> None:
    """A listener who started a song hears it to its end."""
    with _file(tmp_path) as file:
        body = FileBody(file, [ByteRange(0, len(CONTENT))])
        start = bytes(body.read(10))
        (tmp_path / "file").unlink()
        assert start + body.read() == CONTENT


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    """An empty read would keep the server busy for ever."""
    with _file(tmp_path) as file:
        body = FileBody(file, [ByteRange(0, len(CONTENT))])
        body.read(10)
        os.truncate(tmp_path / "file", 10)
        with pytest.raises(OSError, match="shorter"):
            body.read(10)


def test_a_mapped_file_gives_the_same_bytes(tmp_path: Path) -> None:
    """From any offset, not only from the beginning of a page, and without reading them."""
    with _file(tmp_path) as file:
        pieces: list[bytes | ByteRange] = [b"head", ByteRange(3, len(CONTENT)), ByteRange(1, 2)]
        body = FileBody(file, pieces, is_mapped=True)
        body.seek(4)
        view = body.read(10)
        assert isinstance(view, memoryview)
        assert view == CONTENT[3:13]
        assert file.tell() == 0
        body.seek(0)
        assert body.read() == b"head" + CONTENT[3:] + CONTENT[1:2]
        assert body.read(10) == b""


def test_a_mapped_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    """A page that is gone would kill a program that looks at it."""
    with _file(tmp_path) as file:
        body = FileBody(file, [ByteRange(0, len(CONTENT))], is_mapped=True)
        body.read(10)
        os.truncate(tmp_path / "file", 10)
        with pytest.raises(OSError, match="shorter"):
            body.read(10)


def test_where_files_cannot_be_mapped_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some file systems of other programs."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr(mmap, "mmap", refuse)
    with _file(tmp_path) as file:
        body = FileBody(file, [ByteRange(2, len(CONTENT))], is_mapped=True)
        assert body.read(5) == CONTENT[2:7]
        assert body.read() == CONTENT[7:]


def test_after_closing_nothing_is_read(tmp_path: Path) -> None:
    """By then its descriptor may belong to another file."""
    body = FileBody(_file(tmp_path), [ByteRange(0, 5)])
    body.close()
    body.close()
    with pytest.raises(OSError, match="closed"):
        body.read(1)


SIZES = st.integers(0, 1000)
NUMBERS = st.integers(0, 1100)


@st.composite
def _specs(draw: st.DrawFn) -> tuple[str, int | None, int | None]:
    """A valid range as text, its first byte and its last one."""
    first = draw(st.none() | NUMBERS)
    if first is None:
        last = draw(NUMBERS)
        return f"-{last}", None, last
    end = draw(st.none() | st.integers(first, 10**30))
    return f"{first}-{'' if end is None else end}", first, end


def _model(first: int | None, last: int | None, size: int) -> set[int]:
    """The positions of the bytes in a range."""
    every = set(range(size))
    if first is None:
        return {number for number in every if number >= size - (last or 0)}
    return {number for number in every if first <= number <= (size if last is None else last)}


@given(_specs(), SIZES)
def test_one_range_gives_exactly_its_bytes(
    spec: tuple[str, int | None, int | None], size: int
) -> None:
    """No byte more and no byte less; none if the file has none of them."""
    text, first, last = spec
    stretches = requested_ranges(f"bytes={text}", size)
    wanted = _model(first, last, size)
    assert stretches is not None
    assert len(stretches) == bool(wanted)
    assert {number for each in stretches for number in range(each.first, each.end)} == wanted


@given(st.lists(_specs(), min_size=1, max_size=6), SIZES)
def test_several_ranges_cover_their_bytes_once(
    specs: list[tuple[str, int | None, int | None]], size: int
) -> None:
    """All requested bytes are sent, none twice, and few others."""
    stretches = requested_ranges("bytes=" + " , ".join(text for text, _, _ in specs), size)
    wanted = set().union(*(_model(first, last, size) for _, first, last in specs))
    assert stretches is not None
    given_bytes = [number for each in stretches for number in range(each.first, each.end)]
    assert len(given_bytes) == len(set(given_bytes))
    assert wanted <= set(given_bytes)
    assert all(0 <= each.first < each.end <= size for each in stretches)
    extra = set(given_bytes) - wanted
    assert len(extra) <= 128 * len(specs), "more than gaps were filled"
    for one in stretches:
        assert all(one == two or _apart(one, two) > 128 for two in stretches)


def _apart(one: ByteRange, two: ByteRange) -> int:
    return max(one.first, two.first) - min(one.end, two.end)


@given(st.text(max_size=60) | st.from_regex(r"bytes=[0-9, \-]{0,40}"), SIZES)
def test_any_header_is_understood_or_ignored(header: str, size: int) -> None:
    """No text is an error, and no byte outside the file is ever sent."""
    stretches = requested_ranges(header, size)
    assert stretches is None or all(0 <= each.first < each.end <= size for each in stretches)


def test_far_ranges_stay_in_their_order() -> None:
    """As RFC 9110, section 15.3.7.2, recommends."""
    assert requested_ranges("bytes=9000-9001,0-0,5000-", 10_000) == (
        ByteRange(5000, 10_000),
        ByteRange(0, 1),
    )
    assert requested_ranges("bytes=-1,0-0", 10_000) == (ByteRange(9999, 10_000), ByteRange(0, 1))


@pytest.mark.parametrize("asked", ["0-9,138-140", "138-140,0-9"])
def test_small_gaps_are_filled(asked: str) -> None:
    """In either order; the head of another part would cost more than a few extra bytes."""
    assert requested_ranges(f"bytes={asked}", 10_000) == (ByteRange(0, 141),)
    apart = requested_ranges(f"bytes={asked.replace('138', '139')}", 10_000)
    assert apart is not None
    assert len(apart) == 2


@pytest.mark.parametrize(
    "header",
    [
        "bytes=5-2",
        "bytes=0-1,5-2",
        "bytes=100-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=" + "9" * 1000 + "-",
        "bytes=" + ",".join("0-0" for _ in range(MAX_RANGES + 1)),
        "bytes=" + "0-0," * 10_000,
    ],
)
def test_unsatisfiable_ranges_are_refused(header: str) -> None:
    """Inverted ranges, those past the end, and floods."""
    assert requested_ranges(header, 100) == ()


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "items=0-5",
     "bytes=0-1-2", "bytes=0x1-2", "bytes=٣-٤", "bytes=0-1;2-3", "bytes=--5", "bytes 0-5"],
)  # fmt: skip
def test_an_invalid_range_is_ignored(header: str) -> None:
    """As if the header were missing."""
    assert requested_ranges(header, 100) is None


def test_spaces_and_empty_places_do_not_matter() -> None:
    """A list may have them (RFC 9110, section 5.6.1); the case of the unit does not matter."""
    assert requested_ranges(" Bytes= ,0-9 ,\t, ", 100) == (ByteRange(0, 10),)
