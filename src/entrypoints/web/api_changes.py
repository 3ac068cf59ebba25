"""Changes of the queue: retry, cancel, pause, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint

from application.ports.queue_controls import PausedBy
from entrypoints.web import bodies
from entrypoints.web.answers import json_answer
from entrypoints.web.errors import ApiError
from entrypoints.web.live_documents import pause_document

if TYPE_CHECKING:
    from flask import Response

    from application.ports.prompt_repository import Requeued
    from entrypoints.web.services import Services

_LONGEST_REASON: Final = 500  # characters
_NO_REASON: Final = "no reason was given"
_UNKNOWN: Final = "there is no such prompt"  # the repository's own words


def blueprint(services: Services) -> Blueprint:
    """Every change but submitting."""
    room = Blueprint("api_changes", __name__)

    @room.post("/api/v1/prompts/<row:prompt_id>/retry")
    def retry(prompt_id: int) -> Response:
        body = bodies.json_body(needed=False)
        bodies.only(body, {"again"})
        again = bodies.flag(body, "again")
        done = services.repository().requeue([prompt_id], again=again)
        for reason in done.refused.values():
            hint = "With 'again' it is rendered once more." if reason == "it is ready" else None
            raise _refused(prompt_id, reason, hint)
        return json_answer(_moved(done))

    @room.post("/api/v1/retry")
    def retry_many() -> Response:
        body = bodies.json_body()
        bodies.only(body, {"ids", "all_errors", "again"})
        chosen, every = bodies.ids(body), bodies.flag(body, "all_errors")
        again = bodies.flag(body, "again")
        if every == bool(chosen):
            raise ApiError(422, "bad_body", "give 'ids', or 'all_errors': true, one of the two")
        repository = services.repository()
        done = repository.requeue_errors() if every else repository.requeue(chosen, again=again)
        return json_answer(_moved(done))

    @room.post("/api/v1/prompts/<row:prompt_id>/cancel")
    def cancel(prompt_id: int) -> Response:
        body = bodies.json_body(needed=False)
        bodies.only(body, {"requeue"})
        requeue = bodies.flag(body, "requeue")
        reason = services.repository().cancel(prompt_id, requeue=requeue)
        if reason is not None:
            raise _refused(prompt_id, reason, None)
        return json_answer({"cancelled": prompt_id, "requeued": requeue})

    @room.post("/api/v1/pause")
    def pause() -> Response:
        body = bodies.json_body(needed=False)
        bodies.only(body, {"reason"})
        reason = bodies.words(body, "reason", _LONGEST_REASON) or _NO_REASON
        controls = services.controls()
        controls.pause(PausedBy.PERSON, reason, "", ())
        return json_answer({"paused": pause_document(controls.paused())})

    @room.post("/api/v1/resume")
    def resume() -> Response:
        bodies.only(bodies.json_body(needed=False), ())
        controls = services.controls()
        controls.resume()
        return json_answer({"paused": pause_document(controls.paused())})

    return room


def _moved(done: Requeued) -> dict[str, object]:
    refused = {str(prompt_id): reason for prompt_id, reason in done.refused.items()}
    return {"moved": done.moved, "refused": refused}


def _refused(prompt_id: int, reason: str, hint: str | None) -> ApiError:
    if reason == _UNKNOWN:
        return ApiError(404, "no_such_prompt", f"there is no prompt with the id {prompt_id}")
    return ApiError(409, "refused", f"prompt {prompt_id} stays as it is: {reason}", hint)
