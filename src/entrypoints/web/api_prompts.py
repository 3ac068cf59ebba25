"""``/api/v1/prompts``: prompts listed and searched, and each with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from application.ports.gallery_prompts import PromptListQuery, PromptPosition
from entrypoints.web import queries
from entrypoints.web.answers import iso, json_answer
from entrypoints.web.errors import ApiError
from entrypoints.web.live_documents import rendering_documents
from entrypoints.web.media_documents import gallery_item
from entrypoints.web.prompt_documents import (
    error_document,
    render_document,
    title_of,
    writing_document,
)

if TYPE_CHECKING:
    from flask import Response

    from application.ports.gallery_prompts import ListedPrompt
    from entrypoints.web.services import Services

_MOST: Final = 200
_LONGEST_CURSOR: Final = 500  # characters


def blueprint(services: Services) -> Blueprint:
    """The list and the single prompt."""
    room = Blueprint("api_prompts", __name__)

    @room.get("/api/v1/prompts")
    def prompts() -> Response:
        page = services.gallery().prompts(_query())
        return json_answer(
            {
                "prompts": [listed_document(prompt) for prompt in page.prompts],
                "next_cursor": page.next.token() if page.next else None,
            }
        )

    @room.get("/api/v1/prompts/<row:prompt_id>")
    def prompt(prompt_id: int) -> Response:
        return json_answer(prompt_details(services, prompt_id))

    return room


def prompt_details(services: Services, prompt_id: int) -> dict[str, object]:
    """All that is known of a prompt of ours. Raises ApiError when there is none with that id."""
    record = services.catalogue().find(prompt_id)
    if record is None:
        message = f"there is no image or lyrics prompt with the id {prompt_id}"
        raise ApiError(404, "no_such_prompt", message)
    prompt = record.prompt
    artifacts = services.gallery().artifacts_of(prompt_id) or ()
    live = [render for render in record.renders if render.outcome is None]
    going_on = rendering_documents(live, services.live.workers()) if live else [None]
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "status": record.status,
        "artifact_status": prompt.artifact_status,
        "text": prompt.text,
        "title": title_of(prompt.kind, prompt.text, record.writing),
        "created_at": iso(prompt.created_at),
        "error": error_document(prompt.error_message),
        **writing_document(prompt.kind, record.writing),
        "renders": [render_document(render) for render in record.renders],
        "artifacts": [gallery_item(artifact) for artifact in artifacts],
        "live": going_on[0],
    }


def listed_document(prompt: ListedPrompt) -> dict[str, object]:
    """A prompt in the list."""
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "status": prompt.status,
        "artifact_status": prompt.artifact_status,
        "text": prompt.text,
        "title": title_of(prompt.kind, prompt.text, prompt.writing),
        "created_at": prompt.created_at,
        "error": error_document(prompt.error_message, prompt.failure_code),
        "artifact_count": prompt.artifact_count,
    }


def _query() -> PromptListQuery:
    return PromptListQuery(
        kind=queries.kind(),
        status=queries.text("status"),
        text=queries.text("text"),
        since=queries.moment("since"),
        until=queries.moment("until", ends=True),
        after=_cursor(),
        limit=queries.whole_number("limit", 50, _MOST),
    )


def _cursor() -> PromptPosition | None:
    value = request.args.get("cursor")
    if not value:
        return None
    try:
        return PromptPosition.of_token(value[:_LONGEST_CURSOR])
    except ValueError:
        raise queries.wrong("cursor", "was given by no answer; begin without it") from None
