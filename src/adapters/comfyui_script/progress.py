"""Reading progress bars as tqdm draws them, and passing them on, not too often.

A bar is ``Sampling:  45%|####  | 9/20 [00:04<00:05,  2.00it/s]`` after a carriage return; one
of unknown length is ``Loading: 9it [00:04,  2.00it/s]`` (tqdm's documentation, ``format_meter``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_script.terminal_text import plain

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from application.ports.media_renderer import RenderWatch

_WINDOW = 8_192  # bytes: of a flood of output only the end can hold the newest bar
_LONGEST_LINE = 4_096  # bytes kept of a line that does not end
_LONGEST_MESSAGE = 100  # characters
_INTERVAL = 0.1  # seconds between two reports

_LINE_END = re.compile(rb"[\r\n]+")
_PERCENT = re.compile(rb"\d{1,3}\Z")
_COUNTS = re.compile(rb"\s*(\d{1,15})/(\d{1,15}) \[")
_UNKNOWN_TOTAL = re.compile(rb"\d[\d.]{0,15}[kMGTP]?[A-Za-z]{1,12}(?= \[\d+:\d\d)")


@dataclass(frozen=True, slots=True)
class Step:
    """What a bar says.

    Attributes:
        fraction: from 0 to 1, or None when the total is unknown.
        message: the bar's description, one line; may be "".
    """

    fraction: float | None
    message: str


def read_bar(line: bytes) -> Step | None:
    """What the line says if it is a progress bar, or None."""
    sign = line.find(b"%|")
    if sign < 0:
        return _read_count(line)
    digits = _PERCENT.search(line, max(0, sign - 3), sign)
    end = line.find(b"|", sign + 2)
    if digits is None or end < 0:
        return None
    fraction = int(digits[0]) / 100
    if counts := _COUNTS.match(line, end + 1):
        done, total = int(counts[1]), int(counts[2])
        fraction = done / total if total else fraction
    return Step(min(fraction, 1.0), _message(line[: digits.start()]))


def _read_count(line: bytes) -> Step | None:
    if b" [" not in line:
        return None
    found = _UNKNOWN_TOTAL.search(line)
    return Step(None, _message(line[: found.end()])) if found else None


def _message(description: bytes) -> str:
    text = " ".join(plain(description.decode("utf-8", "replace")).split())
    return text.removesuffix(":")[:_LONGEST_MESSAGE].strip()


class BarReader:
    """Finds the newest bar in a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._unfinished = b""

    def read(self, chunk: bytes) -> Step | None:
        """Take the next bytes of the stream; the newest bar in them, or None."""
        text = (self._unfinished + chunk)[-_WINDOW:]
        lines = _LINE_END.split(text)
        self._unfinished = lines[-1][-_LONGEST_LINE:]
        if b"%|" not in text and b" [" not in text:
            return None
        for line in reversed(lines):
            if step := read_bar(line):
                return step
        return None


class ProgressReport:
    """Tells a watch how far a script is: when that changed, ten times a second at most.

    What comes too early is kept until ``pass_on_when_due`` or ``finish``.
    """

    def __init__(self, watch: RenderWatch, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock
        self._readers = {"stdout": BarReader(), "stderr": BarReader()}
        self._told: Step | None = None
        self._waiting: Step | None = None
        self._due = clock.monotonic()

    def heard(self, stream: str, chunk: bytes) -> None:
        """The script printed."""
        if step := self._readers[stream].read(chunk):
            self._waiting = step
            self.pass_on_when_due()

    def pass_on_when_due(self) -> None:
        """Report what waits, unless the last report is too fresh."""
        if self._waiting is not None and self._clock.monotonic() >= self._due:
            self.finish()

    def finish(self) -> None:
        """Report what waits."""
        step, self._waiting = self._waiting, None
        if step is not None and step != self._told:
            self._told = step
            self._due = self._clock.monotonic() + _INTERVAL
            self._watch.progressed(step.fraction, step.message)
