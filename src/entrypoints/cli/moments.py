"""Times as the database holds them, and how long ago they were."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

# Name of a unit, its seconds, and the first age in seconds that the next unit tells.
_UNITS: Final = (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 172_800))
_DAY: Final = 86_400


def with_age(moment: str | None, now: datetime | None = None) -> str:
    """The moment as it was found, and its age where it can be read: ``... (3 min ago)``."""
    if moment is None:
        return "at an unknown time"
    age = age_of(moment, now)
    return f"{moment} ({age})" if age else moment


def age_of(moment: str | None, now: datetime | None = None) -> str:
    """The age in words, or "" when the text is no moment or lies ahead.

    Args:
        moment: SQLite's CURRENT_TIMESTAMP or ISO 8601; UTC where no zone is named (contract,
            section 1).
        now: with its zone; by default the present.
    """
    seconds = seconds_since(moment, now)
    if seconds is None or seconds < 0:
        return ""
    return f"{_rough(seconds)} ago"


def in_future(moment: str | None, now: datetime | None = None) -> str:
    """The moment as it was found, and how far ahead it lies: ``... (in 3 min)``."""
    if moment is None:
        return "at an unknown time"
    seconds = seconds_since(moment, now)
    if seconds is None:
        return moment
    return f"{moment} (now)" if seconds >= 0 else f"{moment} (in {_rough(-seconds)})"


def seconds_since(moment: str | None, now: datetime | None = None) -> float | None:
    """Seconds from a moment until now, or None when the text is no moment."""
    if moment is None:
        return None
    try:
        then = datetime.fromisoformat(moment.strip())
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return ((now or datetime.now(UTC)) - then).total_seconds()


def left(seconds: float | None) -> str:
    """How long something still takes, in words; "" for None."""
    return "" if seconds is None else f"{_rough(max(0.0, seconds))} left"


def duration(seconds: float | None) -> str:
    """A length of time in words; "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _rough(seconds: float) -> str:
    for unit, size, limit in _UNITS:
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // _DAY)} days"
