"""Reading files of briefs: one JSON object, an array of objects, or JSON lines."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STANDARD_INPUT: Final = "-"
_DECODER: Final = json.JSONDecoder(strict=False)
_WHITE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """One brief as it was written.

    Attributes:
        where: file, and line or number.
        content: the writer's own JSON text.
        trouble: why it cannot be read at all, or "".
    """

    where: str
    content: str
    trouble: str = ""


def pieces_of(source: str) -> Iterable[Piece]:
    """The briefs of a file.

    Raises:
        click.UsageError: the file cannot be read, is empty, or its array is broken.
    """
    name = _name(source)
    raw = _bytes_of(source)
    if not raw.strip():
        message = f"{name} is empty"
        raise click.UsageError(message)
    return _pieces(name, raw.removeprefix(b"\xef\xbb\xbf"))


def whole_text(source: str) -> str:
    """A text file's text, without a byte-order mark.

    Raises:
        click.UsageError: the file cannot be read, or is not UTF-8.
    """
    try:
        return _bytes_of(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{_name(source)} is not valid UTF-8: see byte {error.start + 1}"
        raise click.UsageError(message) from error


def _bytes_of(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == STANDARD_INPUT else Path(source).read_bytes()
    except OSError as error:
        message = f"{_name(source)} cannot be read: {error.strerror}"
        raise click.UsageError(message) from error


def _name(source: str) -> str:
    return "standard input" if source == STANDARD_INPUT else source


def _pieces(name: str, raw: bytes) -> Iterable[Piece]:
    if raw.lstrip().startswith(b"["):
        return _elements(name, _decoded(name, raw))
    if _is_lines(raw):
        return _lines(name, raw)
    return [Piece(name, _decoded(name, raw))]


def _decoded(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{name}, line {line}, is not valid UTF-8"
        raise click.UsageError(message) from error


def _is_lines(raw: bytes) -> bool:
    """Whether one of the first two lines that are not blank is an object by itself.

    An object that is laid out over several lines has none there.
    """
    filled = (line for line in _split(raw) if line.strip())
    first = list(itertools.islice(filled, 2))
    return len(first) == 2 and any(map(_is_object, first))  # noqa: PLR2004 - two lines


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_DECODER.decode(line.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _lines(name: str, raw: bytes) -> Iterator[Piece]:
    for number, line in enumerate(_split(raw), start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            yield Piece(where, line.strip().decode())
        except UnicodeDecodeError:
            yield Piece(where, "", "it is not valid UTF-8")


def _split(raw: bytes) -> Iterator[bytes]:
    """Line after line, so that a large file is not held twice."""
    start = 0
    while start < len(raw):
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        yield raw[start:end]
        start = end + 1


def _elements(name: str, text: str) -> Iterator[Piece]:
    """The elements of an array, each as it was written."""
    position = _skip(text, text.index("[") + 1)
    if text.startswith("]", position):
        message = f"the array in {name} is empty"
        raise click.UsageError(message)
    for number in itertools.count(1):
        start = position
        position = _end_of_value(name, text, number, start)
        yield Piece(f"{name}, number {number}", text[start:position])
        position = _skip(text, position)
        if text.startswith("]", position):
            _refuse_rest(name, text, _skip(text, position + 1))
            return
        if not text.startswith(",", position):
            raise _broken(name, text, position, f"',' or ']' must follow number {number}")
        position = _skip(text, position + 1)


def _end_of_value(name: str, text: str, number: int, start: int) -> int:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except RecursionError:
        raise _broken(name, text, start, f"number {number} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _broken(name, text, error.pos, f"{error.msg} (in number {number})") from None


def _refuse_rest(name: str, text: str, position: int) -> None:
    if position < len(text):
        raise _broken(name, text, position, "something stands behind the array")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITE:
        position += 1
    return position


def _broken(name: str, text: str, position: int, reason: str) -> click.UsageError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return click.UsageError(
        f"the array in {name} is broken at line {line}, column {column}: {reason}"
    )
