"""Which bytes of a file a ``Range`` header asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_RANGES: Final = 32
_LONGEST = 2_000  # characters: enough for as many ranges of a file of any size
_GAP = 128  # bytes; a part of an answer that has several costs about as much
_HEADER = re.compile(r"bytes=([\d\-, \t]*)", re.ASCII | re.IGNORECASE)
_RANGE = re.compile(r"(\d*)-(\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some bytes that follow one another.

    Attributes:
        first: number of the first one; the file begins with 0.
        end: number of the byte behind the last one.
    """

    first: int
    end: int

    @property
    def length(self) -> int:
        """How many they are."""
        return self.end - self.first


def asked_stretches(header: str, size: int) -> tuple[Stretch, ...] | None:
    """The stretches that are wanted of a file with so many bytes.

    Those that touch, overlap or nearly do are joined, so that no answer is longer than the file
    by much. All others stay in the order in which they were asked for.

    Returns:
        Empty when the file has none of them, or when the header asks for more than we give: an
        inverted range, or more of them than any player needs. None for what is no range of
        bytes, which is answered as if there was no such header.
    """
    if len(header) > _LONGEST:
        return ()
    asked = _asked(header)
    if asked is None:
        return None
    inverted = any(first and last and int(first) > int(last) for first, last in asked)
    if inverted or len(asked) > MOST_RANGES:
        return ()
    found: list[Stretch] = []
    for first, last in asked:
        stretch = _within(first, last, size)
        if stretch.length > 0:
            _join(found, stretch)
    return tuple(found)


def _asked(header: str) -> list[tuple[str, str]] | None:
    """The digits before and behind each hyphen, or None for what is no range of bytes."""
    listed = _HEADER.fullmatch(header.strip())
    specs = [spec for each in listed[1].split(",") if (spec := each.strip())] if listed else []
    found = [_RANGE.fullmatch(spec) for spec in specs if spec != "-"]
    pairs = [(each[1], each[2]) for each in found if each]
    return pairs if pairs and len(pairs) == len(specs) else None


def _within(first: str, last: str, size: int) -> Stretch:
    """What the file has of a range; nothing, or less, when it is not that long."""
    if not first:
        return Stretch(max(0, size - int(last)), size)
    return Stretch(int(first), min(int(last) + 1, size) if last else size)


def _join(found: list[Stretch], stretch: Stretch) -> None:
    """Add one stretch, in the place of the first of those that it swallows."""
    place = len(found)
    for index in range(len(found) - 1, -1, -1):
        other = found[index]
        if stretch.first <= other.end + _GAP and other.first <= stretch.end + _GAP:
            stretch = Stretch(min(stretch.first, other.first), max(stretch.end, other.end))
            del found[index]
            place = index
    found.insert(place, stretch)
