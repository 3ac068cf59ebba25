"""Which lines of what a script printed tell why it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_script.progress import read_bar
from adapters.comfyui_script.terminal_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST_DETAIL = 2_000  # characters
_LONGEST_LINE = 500  # characters
_MOST_AFTER_TRACEBACK = 40  # lines: of a message, or of noise while the interpreter ends
_LAST_LINES = 3  # where there is no traceback
_NEAR_END = 3  # lines that may follow a traceback that a script printed itself

_TRACEBACK = "Traceback (most recent call last):"
# An exception that nobody caught has passed the script's outermost level.
_OUTERMOST = re.compile(r'  File ".*", line \d+, in (?:<module>|_run_module_as_main)$')
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?::\s?(.*))?$")


@dataclass(frozen=True, slots=True)
class Word:
    """A line that may decide.

    Attributes:
        type: name of the exception without its modules, or "" for a plain line.
        text: the message, or the whole line.
    """

    type: str
    text: str


def lines_of(text: str) -> list[str]:
    """The lines that are not blank and no progress bars, as a terminal would leave them."""
    pieces = (piece.rstrip() for piece in re.split(r"[\r\n]+", plain(text)))
    return [piece for piece in pieces if piece and read_bar(piece.encode()) is None]


def without(lines: Iterable[str], said: Sequence[str]) -> list[str]:
    """The lines that are not lines of the brief itself, echoed."""
    echoes = {line.strip() for text in said for line in text.splitlines()}
    return [line for line in lines if line.strip() not in echoes]


def detail_of(lines: Sequence[str]) -> str:
    """The last lines, 2,000 characters at most."""
    kept: list[str] = []
    room = _LONGEST_DETAIL
    for line in reversed(lines):
        short = line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
        room -= len(short) + 1
        if room < 0:
            break
        kept.append(short)
    return "\n".join(reversed(kept))


def deciding(lines: Sequence[str]) -> list[Word]:
    """What may be judged, the most telling first.

    After an uncaught exception that is the exception alone; otherwise the last lines. What
    was printed earlier in a run that went on does not count.
    """
    if (index := _exception_at(lines)) is not None:
        return [_word(lines[index])]
    return [_word(line) for line in reversed(lines[-_LAST_LINES:])]


def _exception_at(lines: Sequence[str]) -> int | None:
    """Where the last traceback's own last line stands, if that traceback ended the run."""
    starts = [index for index, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return None
    start = starts[-1]
    index = next(
        (at for at in range(start + 1, len(lines)) if not lines[at].startswith((" ", "\t"))), None
    )
    if index is None:
        return None
    uncaught = _OUTERMOST.match(lines[start + 1]) is not None
    after = len(lines) - 1 - index
    return index if after <= (_MOST_AFTER_TRACEBACK if uncaught else _NEAR_END) else None


def _word(line: str) -> Word:
    found = _EXCEPTION.match(line)
    if found is None:
        return Word("", line)
    return Word(found[1].rpartition(".")[2], found[2] or "")
