"""What stands behind the question mark of an address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from flask import request

from domain.kind import Kind
from entrypoints.web.errors import ApiError

_LONGEST_TEXT: Final = 500  # characters
_DATE: Final = 10  # characters of 2026-01-06
_KINDS: Final = {name: kind for kind in Kind for name in (kind.value, kind.prompt_type)}


def wrong(name: str, message: str) -> ApiError:
    """The error for a parameter that cannot be used."""
    return ApiError(422, "bad_query", f"the parameter {name!r} {message}")


def text(name: str) -> str | None:
    """A text, or None where it is blank."""
    value = request.args.get(name, "").strip()
    if len(value) > _LONGEST_TEXT:
        raise wrong(name, f"is longer than {_LONGEST_TEXT} characters")
    if "\0" in value:
        raise wrong(name, "holds a NUL character")
    return value or None


def kind() -> Kind | None:
    """``kind``: image or audio, also by the names that prompts have."""
    value = text("kind")
    if value is not None and value not in _KINDS:
        raise wrong("kind", f"must be one of {', '.join(_KINDS)}")
    return _KINDS[value] if value else None


def whole_number(name: str, default: int, largest: int) -> int:
    """A number from 1."""
    value = request.args.get(name)
    if value is None:
        return default
    short = value.isascii() and value.isdigit() and len(value) <= len(str(largest))
    if not short or not 1 <= int(value) <= largest:
        raise wrong(name, f"must be a whole number from 1 to {largest}")
    return int(value)


def moment(name: str, *, ends: bool = False) -> datetime | None:
    """A time in ISO 8601, UTC where no zone is named, or a date.

    Args:
        name: of the parameter.
        ends: whether it ends a stretch of time: a date then counts as a whole.
    """
    value = text(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
        if ends and len(value) == _DATE:
            found += timedelta(days=1)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = 'must be a date or a time in ISO 8601, such as "2026-01-06T21:30:45"'
        raise wrong(name, message) from None
