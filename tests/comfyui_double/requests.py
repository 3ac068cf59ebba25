"""HTTP requests and answers."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request, as the log keeps it.

    Attributes:
        method: GET, POST and so on.
        path: without the query and the prefix ``/api``.
        query: the last value of each name.
        headers: values by lower-case name.
        body: the raw body.
        at: time of the request, in seconds of the monotonic clock.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever was sent)
        """The body as JSON; None if it is empty.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body) if self.body else None

    def as_dict(self) -> dict[str, Any]:
        """As the control route returns it."""
        return {
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "at": self.at,
        }


@dataclass(frozen=True)
class Answer:
    """A status, a body, its type, and more headers."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request from its parts on the wire."""
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}  # noqa: FBT003 (keeps blank values)
    path = parts.path.removeprefix("/api") or "/"
    return Request(method, path, query, {k.lower(): v for k, v in headers.items()}, body)


def as_json(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(value).encode(), _JSON)


def as_text(text: str, status: int) -> Answer:
    """A text answer."""
    return Answer(status, text.encode(), _TEXT)


# The answer of aiohttp, on which ComfyUI is built, when a handler raises.
BROKEN = as_text("500 Internal Server Error\n\nServer got itself in trouble", 500)
NOT_FOUND = as_text("404: Not Found", 404)
