"""Telling a script that works in silence from one that hangs."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MOST_ENTRIES = 20_000
_OFTENEST, _RAREST = 0.05, 5.0  # seconds between two looks into the folder


class StallGuard:
    """Knows when a script last gave a sign of life: a byte printed, or a file changed.

    Attributes:
        folder: where the script writes; None when it writes nowhere.
        limit: seconds without a sign; 0 means no limit.
    """

    def __init__(self, folder: Path | None, limit: float, now: float) -> None:
        self.folder = folder
        self.limit = limit if limit > 0 else math.inf
        self._last_sign = now
        self._interval = min(max(self.limit / 8, _OFTENEST), _RAREST)
        self._look_at = now + self._interval
        self._seen: tuple[int, int, int] | None = None

    def sign(self, now: float) -> None:
        """Something was printed."""
        self._last_sign = now

    def stalled(self, now: float) -> bool:
        """Whether the last sign of life is too long ago. Times are of one monotonic clock."""
        if self.limit == math.inf:
            return False
        if now >= self._look_at or now - self._last_sign >= self.limit:
            self._look(now)
        return now - self._last_sign >= self.limit

    def _look(self, now: float) -> None:
        self._look_at = now + self._interval
        if self.folder is None:
            return
        seen = _fingerprint(self.folder)
        if seen != (self._seen or (0, 0, 0)):
            self._seen = seen
            self._last_sign = now


def _fingerprint(folder: Path) -> tuple[int, int, int]:
    """Number of entries below the folder, their bytes, and the newest change."""
    count = size = newest = 0
    waiting = [str(folder)]
    while waiting and count < _MOST_ENTRIES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    facts = entry.stat(follow_symlinks=False)
                    count += 1
                    size += facts.st_size
                    newest = max(newest, facts.st_mtime_ns)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # vanished in between, or closed to us: no sign of life
            continue
    return count, size, newest
