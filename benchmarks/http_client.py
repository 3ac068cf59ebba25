"""A client that sends requests over one persistent connection."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


class Asking:
    """A connection that is kept open, as a browser keeps it."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)

    def milliseconds(self, path: str) -> float:
        """Milliseconds from the request to the last byte of the response."""
        began = time.perf_counter()
        self._body(path)
        return (time.perf_counter() - began) * 1000

    def document(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The decoded JSON response."""
        return json.loads(self._body(path))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _body(self, path: str) -> bytes:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body[:500]!r}"
        return body
