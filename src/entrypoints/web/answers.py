"""Answers in JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"


def json_answer(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document of what JSON can hold; half characters become U+FFFD."""
    answer = Response(json_bytes(document), status, content_type=JSON)
    answer.headers.update(headers or {})
    return answer


def json_bytes(document: object) -> bytes:
    """A document as JSON in UTF-8; half characters become U+FFFD."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(whole(msgspec.to_builtins(document)))


def problem(
    status: int,
    code: str,
    message: str,
    hint: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error: what happened, and what to do about it."""
    document = {"error": {"code": code, "message": message, "hint": hint}}
    return json_answer(document, status, headers)


def whole(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The same without half characters, which no encoding of Unicode can carry."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    return value


def iso(moment: str | datetime | None) -> str | None:
    """A time of the database as the contract shows it: "2026-01-06T21:30:45", UTC.

    Text that is no time stays as it is.
    """
    if moment is None:
        return None
    try:
        found = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment.strip())
        found = found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return str(moment)
    return found.replace(tzinfo=None).isoformat(timespec="seconds")
