"""``/api/v1/gallery``: published files, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from application.ports.gallery_rows import GalleryQuery
from entrypoints.web import queries
from entrypoints.web.answers import json_answer
from entrypoints.web.media_documents import gallery_item

if TYPE_CHECKING:
    from flask import Response

    from application.ports.gallery_rows import GalleryPage
    from entrypoints.web.services import Services

_MOST: Final = 200
_LONGEST_CURSOR: Final = 18  # digits


def blueprint(services: Services) -> Blueprint:
    """The one address."""
    room = Blueprint("api_gallery", __name__)

    @room.get("/api/v1/gallery")
    def gallery() -> Response:
        return json_answer(gallery_document(services.gallery().page(gallery_query(_MOST))))

    return room


def gallery_document(page: GalleryPage) -> dict[str, object]:
    """A page of files, and where the next one begins."""
    items = [gallery_item(artifact) for artifact in page.artifacts]
    return {"items": items, "next_cursor": None if page.next is None else str(page.next)}


def gallery_query(most: int) -> GalleryQuery:
    """What the request asks for. Raises ApiError.

    Args:
        most: files in one answer.
    """
    return GalleryQuery(
        kind=queries.kind(),
        status=queries.text("status"),
        text=queries.text("text"),
        since=queries.moment("since"),
        until=queries.moment("until", ends=True),
        before=_cursor(),
        limit=queries.whole_number("limit", 60, most),
    )


def _cursor() -> int | None:
    value = request.args.get("cursor")
    if not value:
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_CURSOR):
        raise queries.wrong("cursor", "was given by no answer; begin without it")
    return int(value)
