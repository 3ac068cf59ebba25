"""The output of a workflow as lines for people, in a terminal or on the page."""

from __future__ import annotations

import codecs
from contextlib import closing
from typing import TYPE_CHECKING, Final

from adapters.comfyui_script.output import plain_text
from entrypoints.terminal_text import visible

if TYPE_CHECKING:
    from application.ports.render_logs import RenderOutput

_MAX_LINE: Final = 65_536  # characters; a longer line is broken


def read_lines(output: RenderOutput | None) -> list[str] | None:
    """All lines that are kept now; None if there is no output."""
    if output is None:
        return None
    reader = LineReader()
    with closing(output):
        lines = reader.read(output.read())
    rest = reader.unfinished()
    return [*lines, rest] if rest else lines


class LineReader:
    """Turns the bytes of a workflow's output, in chunks, into printable lines.

    Bytes that are not UTF-8 become U+FFFD, and control characters are removed or escaped. A
    progress bar redraws itself after carriage returns; only its last state is kept.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def read(self, chunk: bytes) -> list[str]:
        """Take the next bytes, and return the lines that they finish."""
        *lines, rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        rest = _last_state(rest) if "\r" in rest else rest
        while len(rest) > _MAX_LINE:
            lines.append(rest[:_MAX_LINE])
            rest = rest[_MAX_LINE:]
        self._rest = rest
        return [_printable(line) for line in lines]

    def unfinished(self) -> str:
        """The last line while it has no end yet, or ""."""
        return _printable(self._rest)


def _printable(line: str) -> str:
    text = plain_text(_last_state(line).replace("\r", ""))
    return visible(text.expandtabs(8)).rstrip()


def _last_state(line: str) -> str:
    """The last non-blank of the states that overwrite one another, and what follows it."""
    states = line.split("\r")
    last = next((n for n in range(len(states) - 1, 0, -1) if plain_text(states[n]).strip()), 0)
    return "\r".join(states[last:])
