"""Timestamps as databases hold them, and ranges of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_DAY: Final = timedelta(days=1)
# Contract, section 1: CURRENT_TIMESTAMP, or ISO 8601 with or without zone and fraction.
_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r" ?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)
_MICROSECOND_DIGITS: Final = 6


def read_timestamp(value: object) -> datetime | None:
    """The time that a column holds, in UTC; None where it holds none.

    Args:
        value: of the column: text with an ISO 8601 date, or date and time joined by ``T`` or a
            space, in UTC unless it names a zone. Anything else is no timestamp.
    """
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    *numbers, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    micro = int((fraction or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS])
    try:
        ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-ahead if sign == "-" else ahead)
        return datetime(year, month, day, hour, minute, second, micro, zone).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or outside the calendar
        return None


def iso_timestamp(value: object) -> str | None:
    """The time that a column holds as ``2026-01-06T21:30:45`` (UTC), or None where it holds none.

    Args:
        value: of the column, as for ``read_timestamp``.
    """
    timestamp = read_timestamp(value)
    return None if timestamp is None else timestamp.replace(tzinfo=None, microsecond=0).isoformat()


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open range of time, and the texts of columns that may lie in it.

    Attributes:
        since: the first instant, with its zone; None for no lower bound.
        until: the first instant after the range, with its zone; None for no upper bound.
    """

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_unbounded(self) -> bool:
        """Whether it contains every value, even one that is no timestamp."""
        return self.since is None and self.until is None

    @property
    def oldest(self) -> str | None:
        """A text that no timestamp in the range sorts before; None without bound."""
        return None if self.since is None else _day(self.since, -_DAY)

    @property
    def newest(self) -> str | None:
        """A text that every timestamp in the range sorts before; None without bound."""
        return None if self.until is None else _day(self.until, 2 * _DAY)

    def contains(self, value: object) -> bool:
        """Whether the time that a column holds lies in the range."""
        if self.is_unbounded:
            return True
        timestamp = read_timestamp(value)
        if timestamp is None:
            return False
        return (self.since is None or timestamp >= self.since) and (
            self.until is None or timestamp < self.until
        )


def _day(timestamp: datetime, shift: timedelta) -> str:
    try:
        return (timestamp.astimezone(UTC) + shift).date().isoformat()
    except OverflowError:  # at either end of the calendar
        return "" if shift < timedelta() else ":"  # sorts before, or after, every date
