"""A clock whose hands are moved by the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


class ManualClock:
    """Time stands still until :meth:`advance` or :meth:`sleep` is called."""

    def __init__(self, start: datetime = _START) -> None:
        self._now = start
        self._monotonic = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass at once, and remember it in ``slept``."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move both clocks."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as a person or a time server does."""
        self._now += timedelta(seconds=seconds)
