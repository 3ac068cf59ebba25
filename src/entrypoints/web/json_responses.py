"""JSON answers: the base of their Structs, the types that they share, and how they are sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from flask import Response
from msgspec import UNSET, Meta, UnsetType

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
FILE = "application/octet-stream"

Count = Annotated[int, Meta(ge=0)]
KindName = Annotated[Kind, Meta(description="image or audio")]
Time = Annotated[str | None, Meta(description="UTC", examples=["2026-01-06T21:30:45"])]


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """Base of every JSON object that the API sends or takes.

    The OpenAPI document is made of these classes: the docstring of a class and the ``Meta`` of a
    field are the descriptions that users of the API read.
    """


class CountByKind(Document):
    """One number for each media kind."""

    image: Count
    audio: Count


class ErrorDetail(Document):
    """What went wrong, and what to do about it."""

    code: Annotated[str, Meta(description="a stable identifier")]
    message: Annotated[str, Meta(description="what happened")]
    hint: Annotated[str | None, Meta(description="what to do")]


class Error(Document):
    """The body of every response with a status of 400 or more."""

    error: ErrorDetail


class FormError(Document):
    """Why a prompt was not accepted."""

    error: ErrorDetail
    fields: (
        Annotated[dict[str, str], Meta(description="what is wrong, by field name")] | UnsetType
    ) = UNSET


def json_response(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document as a response; lone surrogates become U+FFFD."""
    answer = Response(json_bytes(document), status, content_type=JSON)
    answer.headers.update(headers or {})
    return answer


def json_bytes(document: object) -> bytes:
    """A document as JSON in UTF-8; lone surrogates become U+FFFD."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(document)))


def without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same JSON value without lone surrogates, which no Unicode encoding can carry."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in value]
    return value


def iso(time: str | datetime | None) -> str | None:
    """A database time in the API's format: "2026-01-06T21:30:45", UTC.

    Text that is not a time stays as it is.
    """
    if time is None:
        return None
    try:
        parsed = time if isinstance(time, datetime) else datetime.fromisoformat(time.strip())
        parsed = parsed.astimezone(UTC) if parsed.tzinfo else parsed
    except (ValueError, OverflowError):
        return str(time)
    return parsed.replace(tzinfo=None).isoformat(timespec="seconds")
