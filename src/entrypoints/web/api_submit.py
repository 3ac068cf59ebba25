"""``POST /api/v1/prompts``: prompts come in; ``/check`` says beforehand what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from entrypoints.web import bodies
from entrypoints.web.answers import json_answer
from entrypoints.web.prompt_documents import brief_document
from entrypoints.web.submitted import understood

if TYPE_CHECKING:
    from flask import Response

    from entrypoints.web.services import Services


def blueprint(services: Services) -> Blueprint:
    """Both addresses."""
    room = Blueprint("api_submit", __name__)

    @room.post("/api/v1/prompts")
    def submit() -> Response:
        found = understood(bodies.json_body())
        if found.submission is None:
            error = {
                "code": "bad_brief",
                "message": "the prompt cannot be taken: " + _told(found.problems),
                "hint": "Mend the fields that are named.",
            }
            return json_answer({"error": error, "fields": found.problems}, 422)
        (prompt_id,) = services.intake().submit([found.submission])
        address = {"Location": f"/api/v1/prompts/{prompt_id}"}
        return json_answer({"id": prompt_id}, 201, address)

    @room.post("/api/v1/prompts/check")
    def check() -> Response:
        found = understood(bodies.json_body())
        brief = brief_document(found.brief) if found.brief else None
        writing = found.submission.content if found.submission else None
        document = {
            "ok": not found.problems,
            "fields": found.problems,
            "brief": brief,
            "writing": writing,
        }
        return json_answer(document)

    return room


def _told(problems: object) -> str:
    assert isinstance(problems, dict)  # noqa: S101 - for the type checker
    return "; ".join(f"{name} {complaint}" for name, complaint in sorted(problems.items()))
