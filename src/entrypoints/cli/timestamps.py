"""Timestamps of the database, with their age, and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click

from domain.timestamps import read_timestamp
from entrypoints.cli.invocation import Invocation

# Name of a unit, its seconds, and the age in seconds from which the next unit is used.
_UNITS: Final = (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 172_800))
_DAY: Final = 86_400


def shown_time(timestamp: str | None, *, seconds: bool = True) -> str:
    """The time in the zone of this machine, or in UTC with ``--utc``, with the zone's name.

    Args:
        timestamp: as for ``age_of``; text that is no timestamp is returned as it is, None as "".
        seconds: whether the seconds are shown.
    """
    time = None if timestamp is None else read_timestamp(timestamp.strip())
    if time is None:
        return timestamp or ""
    try:
        shown = time if _in_utc() else time.astimezone()
    except (OverflowError, OSError, ValueError):  # beyond what the system's zones know
        shown = time
    return f"{shown:{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}} {shown.tzname()}"


def _in_utc() -> bool:
    context = click.get_current_context(silent=True)
    invocation = context and context.find_object(Invocation)
    return bool(invocation and invocation.utc)


def with_age(timestamp: str | None, now: datetime | None = None) -> str:
    """The timestamp, followed by its age if it can be read: ``... (3 min ago)``."""
    if timestamp is None:
        return "an unknown time"
    age, shown = age_of(timestamp, now), shown_time(timestamp)
    return f"{shown} ({age})" if age else shown


def age_of(timestamp: str | None, now: datetime | None = None) -> str:
    """The age in words, or "" for a time in the future and for text that is no timestamp.

    Args:
        timestamp: SQLite's CURRENT_TIMESTAMP or ISO 8601; UTC unless it names a zone (contract,
            section 1).
        now: the current time, with its zone; None for the system's.
    """
    seconds = seconds_since(timestamp, now)
    return "" if seconds is None or seconds < 0 else f"{_rounded(seconds)} ago"


def with_time_until(timestamp: str | None, now: datetime | None = None) -> str:
    """The timestamp, followed by the time until then: ``... (in 3 min)``."""
    if timestamp is None:
        return "an unknown time"
    seconds = seconds_since(timestamp, now)
    if seconds is None:
        return timestamp
    shown = shown_time(timestamp)
    return f"{shown} (now)" if seconds >= 0 else f"{shown} (in {_rounded(-seconds)})"


def seconds_since(timestamp: str | None, now: datetime | None = None) -> float | None:
    """Seconds from a timestamp until now, or None for text that is no timestamp."""
    then = None if timestamp is None else read_timestamp(timestamp.strip())
    return None if then is None else ((now or datetime.now(UTC)) - then).total_seconds()


def time_left(seconds: float | None) -> str:
    """The remaining seconds in words, such as ``3 min left``; "" for None."""
    return "" if seconds is None else f"{_rounded(max(0.0, seconds))} left"


def duration(seconds: float | None) -> str:
    """A number of seconds in words, such as ``1 min 5 s``; "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _rounded(seconds: float) -> str:
    for unit, size, limit in _UNITS:
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // _DAY)} days"
