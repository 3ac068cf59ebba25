"""Times as databases hold them, in one form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

# Contract, section 1: CURRENT_TIMESTAMP, or ISO 8601 with or without zone and fraction.
_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r" ?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)
_MICROSECOND_DIGITS: Final = 6


def read_moment(value: object) -> datetime | None:
    """The moment that a column names, in UTC; None where it names none.

    Args:
        value: text with an ISO 8601 date, or date and time, both parts joined by ``T`` or a
            space; UTC where no zone is named. Everything else names no moment.
    """
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *numbers, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    micro = int((fraction or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS])
    try:
        ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-ahead if sign == "-" else ahead)
        return datetime(year, month, day, hour, minute, second, micro, zone).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or beyond the calendar's ends
        return None


def iso_moment(value: object) -> str | None:
    """The same as ``2026-01-06T21:30:45``: UTC, whole seconds, no zone; None where it is none."""
    moment = read_moment(value)
    return None if moment is None else moment.replace(tzinfo=None, microsecond=0).isoformat()
