"""Progress on stderr, in the shape of the bars that ComfyUI's scripts draw."""

from __future__ import annotations

import contextlib
import time
from typing import TextIO

_WIDTH = 10  # characters


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def bar(done: int, total: int, seconds: float) -> str:
    """Format one state of a bar; `seconds` have passed since it began."""
    share = done / max(1, total)
    filled = int(share * _WIDTH)
    rate = done / seconds if seconds > 0 else 0.0
    left = _clock((total - done) / rate) if rate else "?"
    speed = f"{rate:.2f}it/s" if rate else "?it/s"
    drawn = "#" * filled + " " * (_WIDTH - filled)
    return f"{share * 100:3.0f}%|{drawn}| {done}/{total} [{_clock(seconds)}<{left}, {speed}]"


class Bar:
    """A bar that rewrites its own line; a reader that went away is no reason to stop."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`, counting time from now."""
        self._stream = stream
        self._begun = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are finished."""
        end = "\n" if done >= total else ""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"\r{bar(done, total, time.monotonic() - self._begun)}{end}")
            self._stream.flush()
