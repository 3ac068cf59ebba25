"""Text for a terminal: on one line, without control characters, cut to a width, in columns.

The texts in the shared tables were written by language models and other programs. A terminal
acts on escape sequences, so none may reach it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_SPACE = re.compile(r"[ \t\r\n\v\f]+")
_JOINERS = "\u200c\u200d"  # hold letters and emoji together, and do nothing else
_WIDE = frozenset("WF")


def one_line(text: str | None) -> str:
    """The text on one line, with control characters as escapes."""
    if text is None:
        return ""
    return visible(_SPACE.sub(" ", text).strip())


def lines_of(text: str) -> list[str]:
    """The lines of the text, with control characters as escapes."""
    return [visible(line.rstrip()) for line in text.splitlines()]


def visible(text: str) -> str:
    """The text with control characters as escapes, and undecodable bytes as U+FFFD."""
    if text.isprintable():
        return text
    return "".join(_shown(letter) for letter in text)


def fitted(text: str, columns: int | None) -> str:
    """The text cut to a number of columns, with an ellipsis at the end; None keeps all of it."""
    if columns is None or cells(text) <= columns:
        return text
    kept, used = "", 0
    for letter in text:
        used += cells(letter)
        if used > columns - 1:
            break
        kept += letter
    return kept + "…" if columns > 0 else ""


def cells(text: str) -> int:
    """The number of columns that the text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(letter) in _WIDE else 0 if _is_combining(letter) else 1
        for letter in text
    )


def terminal_columns() -> int | None:
    """The terminal's width, or None if standard output is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def table(
    rows: Iterable[Sequence[str]], columns: int | None = None, *, numbers: Collection[int] = ()
) -> list[str]:
    """The rows as lines with aligned cells.

    Args:
        rows: rows of equal length.
        columns: the width to which each line is cut; None for no limit.
        numbers: the columns to align to the right, counted from 0.
    """
    kept = [tuple(row) for row in rows]
    widths = [max(map(cells, column)) for column in zip(*kept, strict=True)]
    return [fitted(_aligned(row, widths, numbers), columns) for row in kept]


def _aligned(row: Sequence[str], widths: Sequence[int], numbers: Collection[int]) -> str:
    parts = []
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        gap = " " * (width - cells(cell))
        parts.append(gap + cell if index in numbers else cell + gap)
    return "  ".join(parts).rstrip()


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    if "\ud800" <= letter <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return letter.encode("unicode_escape").decode("ascii")


def _is_combining(letter: str) -> bool:
    """Whether the letter takes no column of its own."""
    return unicodedata.combining(letter) != 0 or letter in _JOINERS
