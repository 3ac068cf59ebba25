"""Whether a request wants a file that it has already (RFC 9110, section 13)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug.http import http_date, quote_etag

if TYPE_CHECKING:
    from werkzeug import Request

NOT_MODIFIED = 304
PRECONDITION_FAILED = 412
_CONDITIONS = frozenset(
    {
        "HTTP_IF_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_UNMODIFIED_SINCE",
    }
)


class Validators:
    """What tells one content from another.

    Args:
        identity: of the content.
        modified: when it last changed, seconds since 1970.
        is_strong: whether the identity stands for every byte.
    """

    def __init__(self, identity: str, modified: float, *, is_strong: bool) -> None:
        self._identity = identity
        self._is_strong = is_strong
        # Never in the future (section 8.8.2.1), and never before dates begin.
        seconds = int(min(max(modified, 0.0), time.time()))
        self._modified = datetime.fromtimestamp(seconds, UTC)

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says of them."""
        tag = quote_etag(self._identity, weak=not self._is_strong)
        return {"ETag": tag, "Last-Modified": http_date(self._modified)}

    def verdict(self, request: Request) -> int | None:
        """The status of an answer without the file, or None when it is wanted."""
        if not _CONDITIONS & request.environ.keys():
            return None
        if not self._is_what_is_meant(request):
            return PRECONDITION_FAILED
        if request.if_none_match:
            known = request.if_none_match.contains_weak(self._identity)
            return NOT_MODIFIED if known else None
        since = request.if_modified_since
        return NOT_MODIFIED if since and self._modified <= since else None

    def _is_what_is_meant(self, request: Request) -> bool:
        if request.if_match:
            known = self._is_strong and request.if_match.contains(self._identity)
            return known or request.if_match.star_tag  # "*" stands for anything that is there
        until = request.if_unmodified_since
        return until is None or self._modified <= until

    def allow_range(self, request: Request) -> bool:
        """Whether a part of this content fits to what the client has.

        Only where the identity is certain: nothing less may decide that (section 13.1.5).
        """
        wanted = request.if_range
        if wanted.etag is None and wanted.date is None:
            return "If-Range" not in request.headers
        if not self._is_strong or request.headers["If-Range"].startswith(("W/", "w/")):
            return False
        return wanted.etag == self._identity if wanted.etag else wanted.date == self._modified
