"""Scripts and styles under addresses that change with what they hold.

Whoever was here before asks for none of them again. They import one another by addresses relative
to their own, so all of them bear the same mark.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Blueprint, current_app

if TYPE_CHECKING:
    from flask import Response

    from entrypoints.web.services import Services

_FOLDER: Final = Path(__file__).with_name("static")
_FOREVER: Final = "private, max-age=31536000, immutable"


def blueprint(services: Services) -> Blueprint:  # noqa: ARG001 - as every room is made
    """``/static/{mark}/...``, and ``asset()`` for templates."""
    room = Blueprint("assets", __name__)
    mark = mark_of(_FOLDER)

    @room.get("/static/<string:given>/<string:name>")
    def marked(given: str, name: str) -> Response:
        answer = current_app.send_static_file(name)
        if given == mark:  # a page of another version gets what there is, for this once
            answer.headers["Cache-Control"] = _FOREVER
        return answer

    @room.app_template_global()
    def asset(name: str) -> str:
        """The address of a script or a style."""
        return f"/static/{mark}/{name}"

    return room


def mark_of(folder: Path) -> str:
    """A short text that differs whenever a file of the folder does."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
