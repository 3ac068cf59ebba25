"""A workflow's output as lines that are fit to be printed."""

from __future__ import annotations

import codecs

from adapters.comfyui_script.terminal_text import plain
from entrypoints.cli.printable import visible

_LONGEST_LINE = 65_536  # characters; what is longer is broken


class LineReader:
    """Makes lines of bytes that arrive in pieces.

    Bytes that are no UTF-8 become U+FFFD, what a terminal would act on goes or becomes an escape,
    and of a progress bar, which is drawn over itself behind carriage returns, the last state
    stays.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def read(self, chunk: bytes) -> list[str]:
        """Take the next bytes; the lines that they end."""
        *ended, rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        rest = _newest_state(rest) if "\r" in rest else rest
        while len(rest) > _LONGEST_LINE:
            ended.append(rest[:_LONGEST_LINE])
            rest = rest[_LONGEST_LINE:]
        self._rest = rest
        return [_shown(line) for line in ended]

    def unfinished(self) -> str:
        """The line that has no end yet, or ""."""
        return _shown(self._rest)


def _shown(line: str) -> str:
    text = plain(_newest_state(line).replace("\r", ""))
    return visible(text.expandtabs(8)).rstrip()


def _newest_state(line: str) -> str:
    """The last of what was drawn over each other that is not blank, and what follows it."""
    states = line.split("\r")
    last = next((n for n in range(len(states) - 1, 0, -1) if plain(states[n]).strip()), 0)
    return "\r".join(states[last:])
