"""``/api/renders/...``: what the picture of a render looks like so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from entrypoints.web.errors import ApiError
from entrypoints.web.media_answers import SANDBOX

if TYPE_CHECKING:
    from entrypoints.web.services import Services


def blueprint(services: Services) -> Blueprint:
    """The address of a preview. Nothing is asked of the database for it."""
    room = Blueprint("previews", __name__)

    @room.get("/api/renders/<row:render_id>/preview")
    def preview(render_id: int) -> Response:
        found = services.live.preview(render_id)
        if found is None:
            raise ApiError(404, "no_preview", f"render {render_id} shows no picture now")
        answer = Response(found.picture, content_type=found.media_type)
        answer.headers["Content-Security-Policy"] = SANDBOX
        return answer

    return room
