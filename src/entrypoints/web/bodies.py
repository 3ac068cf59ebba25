"""What stands in the body of a request: one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flask import request

from entrypoints.web.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Collection

_LARGEST_ID: Final = 2**63 - 1  # of an INTEGER PRIMARY KEY in SQLite
_MOST_IDS: Final = 10_000


def json_body(*, needed: bool = True) -> dict[str, Any]:
    """The object; an empty one where there is no body and none is needed. Raises ApiError."""
    raw = request.get_data()
    if not raw and not needed:
        return {}
    if request.mimetype != "application/json":
        message = "the body must be JSON, with Content-Type: application/json"
        raise ApiError(415, "not_json", message)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "not_json", f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise _wrong("the body must be a JSON object")
    return body


def only(body: dict[str, Any], known: Collection[str]) -> None:
    """Refuse members that mean nothing. Raises ApiError."""
    if strange := sorted(set(body) - set(known)):
        raise _wrong(f"the body has the unknown member {strange[0]!r}")


def flag(body: dict[str, Any], name: str) -> bool:
    """A member that is true or false; false where it is missing. Raises ApiError."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(f"{name!r} must be true or false")
    return value


def ids(body: dict[str, Any]) -> list[int]:
    """The member ``ids``: ids of prompts. Raises ApiError."""
    value = body.get("ids", [])
    if not isinstance(value, list) or not all(_is_id(item) for item in value):
        raise _wrong("'ids' must be a list of ids of prompts")
    if len(value) > _MOST_IDS:
        raise _wrong(f"'ids' may hold {_MOST_IDS} ids at most")
    return value


def words(body: dict[str, Any], name: str, longest: int) -> str:
    """A text of one line; "" where it is missing. Raises ApiError."""
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise _wrong(f"{name!r} must be a text of {longest} characters at most")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(f"{name!r} holds half a character") from None
    return " ".join(value.replace("\0", " ").split())


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_ID


def _wrong(message: str) -> ApiError:
    return ApiError(422, "bad_body", message)
