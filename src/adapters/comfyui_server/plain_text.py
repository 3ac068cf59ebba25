"""What a server said, made fit for a line of a report, and without the words of the brief."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST_SECRET = 4  # characters: shorter ones hide nothing and stand in every sentence
_LONGEST_DETAIL = 2_000  # characters
_LONGEST_LINE = 500  # characters
# ECMA-48 control sequences, and everything else that is not printed.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Scrubber:
    """Takes the brief's own words out of what a server echoes."""

    def __init__(self, said: Iterable[str]) -> None:
        parts = {part for text in said for part in (text, *text.splitlines())}
        forms = {form for part in parts for form in (part, part.strip(), repr(part)[1:-1])}
        self._said = sorted(
            (form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True
        )

    def clean(self, text: str) -> str:
        """The text with an ellipsis for each of them."""
        for form in self._said:
            text = text.replace(form, "…")
        return text


def plain(text: str) -> str:
    """The text without escape sequences and control characters; LF and TAB stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def one_line(text: str, longest: int = _LONGEST_LINE) -> str:
    """The text on one line, shortened."""
    line = " ".join(plain(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def tail(text: str) -> str:
    """The last lines that are not blank or mere underlining, 2,000 characters at most."""
    kept: list[str] = []
    room = _LONGEST_DETAIL
    for line in reversed(plain(text).splitlines()):
        if not line.strip(" ^~"):
            continue
        short = line.rstrip()
        short = short if len(short) <= _LONGEST_LINE else f"{short[: _LONGEST_LINE - 1]}…"
        room -= len(short) + 1
        if room < 0:
            break
        kept.append(short)
    return "\n".join(reversed(kept))
