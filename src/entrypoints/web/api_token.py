"""``/api/v1/token``: the token that changes must carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from entrypoints.web.answers import json_answer

if TYPE_CHECKING:
    from flask import Response

    from entrypoints.web.services import Services


def blueprint(services: Services) -> Blueprint:
    """The one address; the guards let no page of another site read it."""
    room = Blueprint("api_token", __name__)

    @room.get("/api/v1/token")
    def token() -> Response:
        return json_answer({"csrf": services.access.csrf})

    return room
