"""The API that the contract fixes (section 5), and the older shapes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from entrypoints.web.answers import json_answer
from entrypoints.web.errors import ApiError

if TYPE_CHECKING:
    from flask import Response

    from application.ports.gallery_prompts import PlainPrompt
    from application.ports.gallery_rows import GalleryArtifact
    from entrypoints.web.services import Services

_MOST: Final = 100_000  # rows; the older shape knows no pages


def blueprint(services: Services) -> Blueprint:
    """``/api/prompts/{id}/artifacts``, and ``/api/prompts`` where older shapes are wanted."""
    room = Blueprint("contract_api", __name__)

    @room.get("/api/prompts/<row:prompt_id>/artifacts")
    def artifacts(prompt_id: int) -> Response:
        found = services.gallery().artifacts_of(prompt_id)
        if found is None:
            raise ApiError(404, "no_such_prompt", f"there is no prompt with the id {prompt_id}")
        rows = [artifact_document(artifact) for artifact in found]
        shape = rows if services.legacy_shapes else {"prompt_id": prompt_id, "artifacts": rows}
        return json_answer(shape)

    if services.legacy_shapes:

        @room.get("/api/prompts")
        def prompts() -> Response:
            named = (name.strip() for name in request.args.get("prompt_type", "").split(","))
            types = [name for name in named if name]
            status = request.args.get("status", "").strip() or None
            found = services.gallery().plain_prompts(types, status, _MOST)
            return json_answer([plain_document(prompt) for prompt in found])

    return room


def artifact_document(artifact: GalleryArtifact) -> dict[str, object]:
    """A row of ``prompt_artifacts`` as the contract shows it."""
    return {
        "id": artifact.id,
        "artifact_type": artifact.artifact_type,
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "metadata": artifact.metadata,
        "created_at": artifact.created_at,
    }


def plain_document(prompt: PlainPrompt) -> dict[str, object]:
    """A row of ``prompts`` as older pages know it."""
    return {
        "id": prompt.id,
        "prompt_text": prompt.prompt_text,
        "prompt_type": prompt.prompt_type,
        "status": prompt.status,
        "artifact_status": prompt.artifact_status,
        "output_reference": prompt.output_reference,
        "created_at": prompt.created_at,
        "error_message": prompt.error_message,
    }
