"""Reading the optional fields of a brief: what can be understood counts, the rest is ignored.

Every reader gives None for a value that says nothing, so that the next place is looked at.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from domain.brief_values import Json, Members, number_text, shows_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")

LARGEST_SIDE: Final = 16_384  # pixels
MOST_WORDS: Final = 1_000
LARGEST_SEED: Final = 2**64 - 1  # what ComfyUI's samplers take

_LONGEST = 100  # characters of a number or a size written as text
_WHOLE = re.compile(r"\s*\+?([0-9]{1,20})(?:\.0*)?\s*(?:px|pixels?)?\s*", re.IGNORECASE)
_SIZE = re.compile(
    r"\s*([0-9]{1,6})\s*(?:px)?\s*(?:[x×*]|by)\s*([0-9]{1,6})\s*(?:px|pixels?)?\s*", re.IGNORECASE
)


def first(places: Iterable[Members], name: str, read: Callable[[Json], _T | None]) -> _T | None:
    """The first reading of a member that says something, place after place."""
    for place in places:
        value = read(place.get(name))
        if value is not None:
            return value
    return None


def member(place: Members, name: str) -> Members:
    """The object under a name; an empty one when there is none."""
    value = place.get(name)
    return value if isinstance(value, Members) else Members()


def text(value: Json) -> str | None:
    """Text without white space around it; a list's texts joined with ``, ``."""
    if isinstance(value, list):
        return ", ".join(_texts(value)) or None
    return _stripped(value)


def line(value: Json) -> str | None:
    """Like ``text``, on one line, every run of white space one space."""
    read = text(value)
    return " ".join(read.split()) if read else None


def measure(value: Json) -> str | None:
    """Like ``line``; a number counts too (a tempo, an aspect ratio)."""
    return number_text(value) or line(value)


def words(value: Json) -> tuple[str, ...] | None:
    """The texts of a list, or of one text with commas between; numbers in a list are text.

    The first ``MOST_WORDS`` count.
    """
    if isinstance(value, str):
        parts: Iterable[Json] = (part for part in value.split(",") if part.strip())
    elif isinstance(value, list):
        parts = value
    else:
        return None
    return tuple(" ".join(part.split()) for part in _texts(islice(parts, MOST_WORDS))) or None


def side(value: Json) -> int | None:
    """Pixels: 1 to 16,384, also as ``"1024"``, ``"1024px"`` or ``1024.0``."""
    pixels = _whole(value)
    return pixels if pixels is not None and 1 <= pixels <= LARGEST_SIDE else None


def seed(value: Json) -> int | None:
    """A seed: 0 to 2**64 - 1, also as text."""
    number = _whole(value)
    return number if number is not None and 0 <= number <= LARGEST_SEED else None


def size(value: Json) -> tuple[int, int] | None:
    """Width and height of ``"1024x768"``, ``[1024, 768]`` or an object with both."""
    if isinstance(value, str):
        written = _SIZE.fullmatch(value) if len(value) <= _LONGEST else None
        sides: list[Json] = list(written.groups()) if written else []
    elif isinstance(value, Members):
        sides = [value.get("width"), value.get("height")]
    else:
        sides = value if isinstance(value, list) else []
    pixels = [side(each) for each in sides[:3]]
    if len(pixels) != 2 or pixels[0] is None or pixels[1] is None:  # noqa: PLR2004 -- two sides
        return None
    return pixels[0], pixels[1]


def _whole(value: Json) -> int | None:
    if isinstance(value, str):
        written = _WHOLE.fullmatch(value) if len(value) <= _LONGEST else None
        return int(written[1]) if written else None
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _texts(values: Iterable[Json]) -> list[str]:
    read = (_stripped(value) or number_text(value) for value in values)
    return [each for each in read if each]


def _stripped(value: Json) -> str | None:
    if not isinstance(value, str) or shows_nothing(value):
        return None
    return value.strip()
