"""How long a song is to be, as people and language models write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from domain.brief_values import Json

SHORTEST: Final = 1.0  # seconds
LONGEST: Final = 3_600.0  # seconds; what is longer is no song

_LONGEST_TEXT = 100  # characters
_CLOCK = re.compile(r"(?:([0-9]{1,2}):)?([0-9]{1,3}):([0-5]?[0-9](?:\.[0-9]{1,6})?)")
_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_UNITS = re.compile(
    rf"(?:{_NUMBER}\s*(?:minutes?|mins?|m))?\s*,?\s*(?:and\s+)?"
    rf"(?:{_NUMBER}\s*(?:seconds?|secs?|s)?)?",
    re.IGNORECASE,
)


def duration(value: Json) -> float | None:
    """Seconds: ``210``, ``"210"``, ``"210 s"``, ``"3:30"``, ``"3 min 30 s"``; None for the rest.

    What is shorter than a second or longer than an hour is nonsense, and ignored.
    """
    seconds = _read(value)
    return seconds if seconds is not None and SHORTEST <= seconds <= LONGEST else None


def _read(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if SHORTEST <= value <= LONGEST else None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    text = value.strip().removeprefix("~").strip()
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3_600 + int(minutes) * 60 + float(seconds)
    written = _UNITS.fullmatch(text)
    if not written or not any(written.groups()):
        return None
    return float(written[1] or 0) * 60 + float(written[2] or 0)
