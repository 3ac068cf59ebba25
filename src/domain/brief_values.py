"""What JSON holds, with the memory of names that were given twice."""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | Members | None"

# White space, control characters and characters that show nothing. NUL is not among them: it has
# a failure of its own.
_NOTHING_TO_SEE = re.compile(
    "[\\s\x01-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]*+"
)


class Members(dict[str, "Json"]):
    """A JSON object. Of a name that comes twice the last value that is not blank counts.

    Attributes:
        conflicts: names that came with different values, none of them blank.
    """

    __slots__ = ("conflicts",)

    def __init__(self) -> None:
        super().__init__()
        self.conflicts: set[str] = set()

    def put(self, name: str, value: Json) -> None:
        """Add a member; a blank value never replaces one that says something."""
        if name not in self or is_blank(self[name]):
            self[name] = value
        elif not is_blank(value):
            if self[name] != value:
                self.conflicts.add(name)
            self[name] = value


def is_blank(value: Json) -> bool:
    """Whether a value says nothing: null, nothing but invisible characters, an empty container."""
    if isinstance(value, str):
        return shows_nothing(value)
    return value is None or (isinstance(value, list | dict) and not value)


def shows_nothing(text: str) -> bool:
    """Whether a text is empty or holds only characters that nobody can see."""
    return _NOTHING_TO_SEE.fullmatch(text) is not None


def described(value: Json) -> str:
    """What a value is, in the words of a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "blank text" if shows_nothing(value) else "text"
    if isinstance(value, list):
        return "a list without text"
    return "an object"


def number_text(value: Json) -> str | None:
    """A finite number as people write it (``92``, not ``92.0``); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return f"{value:.12g}" if isinstance(value, float) else str(value)
