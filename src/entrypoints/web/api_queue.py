"""``/api/v1/status`` and ``/api/v1/queue``: the queue at a glance, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint

from domain.artifact_status import ArtifactStatus
from domain.kind import Kind
from entrypoints.web.answers import iso, json_answer
from entrypoints.web.live_documents import (
    broken_documents,
    outcome_document,
    pause_document,
    rendering_documents,
    worker_document,
)
from entrypoints.web.prompt_documents import error_document, title_of, writing_document

if TYPE_CHECKING:
    from flask import Response

    from application.ports.gallery_prompts import FailedPrompt, WaitingPrompt
    from application.ports.prompt_catalogue import QueueSummary
    from entrypoints.web.services import Services

_MOST: Final = 50  # of each sort
_OUTCOMES: Final = 20


def blueprint(services: Services) -> Blueprint:
    """Both addresses."""
    room = Blueprint("api_queue", __name__)

    @room.get("/api/v1/status")
    def status() -> Response:
        return json_answer(status_document(services))

    @room.get("/api/v1/queue")
    def queue() -> Response:
        return json_answer(queue_document(services))

    return room


def status_document(services: Services) -> dict[str, object]:
    """Counts, what goes on, and what keeps it from going on."""
    summary = services.glance.summary(services.catalogue)
    workers = services.live.workers()
    return {
        "counts": {kind.value: _counts(summary, kind) for kind in Kind},
        "unwritten": {kind.value: summary.unwritten.get(kind, 0) for kind in Kind},
        "waiting": {kind.value: summary.waiting.get(kind, 0) for kind in Kind},
        "next_retry_at": iso(summary.next_retry_at),
        "oldest_pending": {kind.value: iso(summary.oldest_pending.get(kind)) for kind in Kind},
        "paused": pause_document(services.controls().paused()),
        "rendering": rendering_documents(summary.rendering, workers),
        "outcomes": [outcome_document(render) for render in services.gallery().ended(_OUTCOMES)],
        "workers": [worker_document(worker) for worker in workers],
        "broken": broken_documents(workers),
    }


def queue_document(services: Services) -> dict[str, object]:
    """What waits, what failed and what goes on; the first of each, and how many there are."""
    gallery = services.gallery()
    summary = services.glance.summary(services.catalogue)
    rendering = rendering_documents(summary.rendering, services.live.workers())
    for render, row in zip(summary.rendering, rendering, strict=True):
        row["text"] = services.glance.text_of(render, services.catalogue)
    return {
        "waiting": {
            kind.value: [_waiting(prompt) for prompt in gallery.waiting(kind, _MOST)]
            for kind in Kind
        },
        "failed": [_failed(prompt) for prompt in gallery.failed(_MOST)],
        "rendering": rendering,
        "totals": {
            "waiting": {kind.value: _counts(summary, kind)["pending"] for kind in Kind},
            "failed": sum(_counts(summary, kind)["error"] for kind in Kind),
        },
    }


def _counts(summary: QueueSummary, kind: Kind) -> dict[str, int]:
    return {status.value: 0 for status in ArtifactStatus} | dict(summary.counts.get(kind, {}))


def _waiting(prompt: WaitingPrompt) -> dict[str, object]:
    return {
        "id": prompt.id,
        "text": prompt.text,
        "title": title_of(prompt.kind, prompt.text, prompt.writing),
        "created_at": prompt.created_at,
        **writing_document(prompt.kind, prompt.writing),
        "retry_at": prompt.retry_at,
    }


def _failed(prompt: FailedPrompt) -> dict[str, object]:
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "text": prompt.text,
        "created_at": prompt.created_at,
        "error": error_document(prompt.error_message, prompt.failure_code),
        "finished_at": prompt.finished_at,
        "attempts": prompt.attempts,
    }
