"""What a script prints: the end of it, its lines, and the progress bars in it.

A bar is ``Sampling:  45%|####  | 9/20 [00:04<00:05,  2.00it/s]`` after a carriage return; one of
unknown length is ``Loading: 9it [00:04,  2.00it/s]`` (tqdm's documentation, ``format_meter``).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.media_renderer import RenderContext
    from application.ports.system import Clock

_MAX_TAIL = 65_536  # bytes
_MAX_EXCERPT = 2_000  # characters
_MAX_EXCERPT_LINE = 500  # characters
_WINDOW = 8_192  # bytes: of a flood of output only the end can hold the newest bar
_MAX_UNFINISHED_LINE = 4_096  # bytes
_MAX_MESSAGE = 100  # characters
_REPORT_INTERVAL = 0.1  # seconds

# ECMA-48 control sequences, and the operating system commands that xterm added.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_LINE_END = re.compile(rb"[\r\n]+")
_PERCENT = re.compile(rb"\d{1,3}\Z")
_COUNTS = re.compile(rb"\s*(\d{1,15})/(\d{1,15}) \[")
_UNKNOWN_TOTAL = re.compile(rb"\d[\d.]{0,15}[kMGTP]?[A-Za-z]{1,12}(?= \[\d+:\d\d)")


def plain_text(text: str) -> str:
    """The text without escape sequences and control characters; CR, LF and TAB stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def output_lines(text: str) -> list[str]:
    """The lines of an output that are neither blank nor progress bars, without terminal codes."""
    lines = (line.rstrip() for line in re.split(r"[\r\n]+", plain_text(text)))
    return [line for line in lines if line and parse_bar(line.encode()) is None]


def excerpt(lines: Sequence[str]) -> str:
    """The last of these lines as one text of at most 2,000 characters."""
    kept: list[str] = []
    remaining = _MAX_EXCERPT
    for line in reversed(lines):
        fits = len(line) <= _MAX_EXCERPT_LINE
        short = line if fits else f"{line[: _MAX_EXCERPT_LINE - 1]}…"
        remaining -= len(short) + 1
        if remaining < 0:
            break
        kept.append(short)
    return "\n".join(reversed(kept))


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress bar says.

    Attributes:
        fraction: the part that is done, from 0 to 1; None when the total is unknown.
        message: the bar's description, one line of at most 100 characters; may be "".
    """

    fraction: float | None
    message: str


def parse_bar(line: bytes) -> Progress | None:
    """The progress that a line shows, or None when it is no progress bar."""
    sign = line.find(b"%|")
    if sign < 0:
        return _parse_count(line)
    digits = _PERCENT.search(line, max(0, sign - 3), sign)
    end = line.find(b"|", sign + 2)
    if digits is None or end < 0:
        return None
    fraction = int(digits[0]) / 100
    if counts := _COUNTS.match(line, end + 1):
        done, total = int(counts[1]), int(counts[2])
        fraction = done / total if total else fraction
    return Progress(min(fraction, 1.0), _message(line[: digits.start()]))


def _parse_count(line: bytes) -> Progress | None:
    if b" [" not in line:
        return None
    count = _UNKNOWN_TOTAL.search(line)
    return Progress(None, _message(line[: count.end()])) if count else None


def _message(description: bytes) -> str:
    text = " ".join(plain_text(description.decode("utf-8", "replace")).split())
    return text.removesuffix(":")[:_MAX_MESSAGE].strip()


@dataclass(slots=True)
class ScriptOutput:
    """The output of one script: its end is kept, and the progress that it shows is reported.

    Each change of the progress is reported, ten times a second at most. What comes too early is
    kept until ``report`` is called again.

    Attributes:
        context: receives output and progress; None if only the end is wanted.
        clock: the monotonic clock.
        limit: how many bytes of each stream are kept, 1 or more.
    """

    context: RenderContext | None
    clock: Clock
    limit: int = _MAX_TAIL
    _kept: dict[str, bytearray] = field(default_factory=partial(defaultdict, bytearray))
    _unfinished: dict[str, bytes] = field(default_factory=partial(defaultdict, bytes))
    _reported: Progress | None = None
    _pending: Progress | None = None
    _next_report: float = -math.inf

    def add(self, stream: str, chunk: bytes) -> None:
        """Take the next bytes of "stdout" or "stderr", and look for the newest bar in them."""
        kept = self._kept[stream]
        kept += chunk
        if len(kept) > 2 * self.limit:  # moving bytes only now and then keeps it cheap
            del kept[: -self.limit]
        if self.context is None:
            return
        self.context.on_output(stream, chunk)
        text = (self._unfinished[stream] + chunk)[-_WINDOW:]
        lines = _LINE_END.split(text)
        self._unfinished[stream] = lines[-1][-_MAX_UNFINISHED_LINE:]
        if b"%|" not in text and b" [" not in text:
            return
        if progress := next((bar for line in reversed(lines) if (bar := parse_bar(line))), None):
            self._pending = progress
            self.report()

    def text(self, stream: str) -> str:
        """The end of a stream as text; what is not UTF-8 becomes U+FFFD."""
        return self._kept[stream][-self.limit :].decode("utf-8", "replace")

    def report(self, *, final: bool = False) -> None:
        """Report the newest progress, if it changed and the last report is old enough.

        Args:
            final: whether to report it however young the last report is.
        """
        progress = self._pending
        if progress is None or not (final or self.clock.monotonic() >= self._next_report):
            return
        self._pending = None
        if progress != self._reported and self.context is not None:
            self._reported = progress
            self._next_report = self.clock.monotonic() + _REPORT_INTERVAL
            self.context.on_progress(progress.fraction, progress.message)
