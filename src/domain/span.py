"""A stretch of time, and the texts of columns that may lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.moment import read_moment

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment on, up to another; both with their zones, None where there is no end."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_endless(self) -> bool:
        """Whether it holds whatever there is, even what names no moment."""
        return self.since is None and self.until is None

    @property
    def oldest(self) -> str | None:
        """No text below this one names a moment of the span, whatever its zone."""
        return None if self.since is None else _day(self.since, -_DAY)

    @property
    def newest(self) -> str | None:
        """Nor does this text, or one above it."""
        return None if self.until is None else _day(self.until, 2 * _DAY)

    def holds(self, value: object) -> bool:
        """Whether what a column says lies in it."""
        if self.is_endless:
            return True
        moment = read_moment(value)
        if moment is None:
            return False
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment < self.until
        )


def _day(moment: datetime, shift: timedelta) -> str:
    try:
        return (moment.astimezone(UTC) + shift).date().isoformat()
    except OverflowError:  # at the calendar's ends
        return "" if shift < timedelta() else ":"  # what no date comes before, or after
