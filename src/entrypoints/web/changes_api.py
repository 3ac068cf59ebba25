"""Changes of the queue: retry, cancel, move, pause and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta

from application.ports.database import PausedBy
from domain.prompt import Kind
from entrypoints.web.api import Routes, RowId, bad_body
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Document
from entrypoints.web.queue_api import Pause, show_pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.prompt_repository import Requeued
    from entrypoints.web.services import Services

MAX_IDS: Final = 10_000
MAX_REASON: Final = 500  # characters
_NO_REASON: Final = "no reason was given"
_UNKNOWN: Final = "there is no such prompt"  # the repository's own words

routes = Routes()
blueprint = routes.blueprint


class Moved(Document):
    """Which prompts were put back in the queue, or moved within it."""

    moved: Annotated[list[int], Meta(description="ids that are pending")]
    refused: Annotated[dict[str, str], Meta(description="reasons by id")]


class Cancelled(Document):
    """Which prompt was cancelled."""

    cancelled: int
    requeued: Annotated[bool, Meta(description="whether it is pending again")]


class Paused(Document):
    """The pause in force, if there is one."""

    paused: Pause | None


class RetryBody(Document):
    """Options of a retry."""

    again: Annotated[bool, Meta(description="retry a prompt that is ready, too")] = False


_Ids = Annotated[list[RowId], Meta(max_length=MAX_IDS)]
_Except = Annotated[
    list[RowId], Meta(max_length=MAX_IDS, description="prompts that are left alone nevertheless")
]
_AllPending = Annotated[
    bool, Meta(description="every pending prompt that has its writing, instead of ids")
]
_OneKind = Annotated[Kind | None, Meta(description="with all_pending: only this kind")]


class RetryManyBody(Document):
    """Which prompts to retry."""

    ids: _Ids = []  # noqa: RUF012 - msgspec copies it
    all_errors: Annotated[bool, Meta(description="every prompt that failed, instead of ids")] = (
        False
    )
    except_ids: _Except = []  # noqa: RUF012 - msgspec copies it
    again: Annotated[bool, Meta(description="retry prompts that are ready, too")] = False
    front: Annotated[bool, Meta(description="render them before everything else")] = False


_EITHER: Final = Meta(
    extra_json_schema={"anyOf": [{"required": ["ids"]}, {"required": ["all_pending"]}]}
)


class CancelBody(Document):
    """Options of a cancellation."""

    requeue: Annotated[
        bool, Meta(description="put a prompt that is being rendered back in the queue instead")
    ] = False


class CancelledMany(Document):
    """Which prompts were cancelled."""

    cancelled: list[int]
    refused: Annotated[dict[str, str], Meta(description="reasons by id")]


class CancelManyBody(Document):
    """Which prompts to cancel."""

    ids: _Ids = []  # noqa: RUF012 - msgspec copies it
    all_pending: _AllPending = False
    kind: _OneKind = None
    except_ids: _Except = []  # noqa: RUF012 - msgspec copies it
    requeue: Annotated[
        bool, Meta(description="put prompts that are being rendered back in the queue instead")
    ] = False


class MoveBody(Document):
    """Which pending prompts to move, and where to."""

    ids: _Ids = []  # noqa: RUF012 - msgspec copies it
    all_pending: _AllPending = False
    kind: _OneKind = None
    except_ids: _Except = []  # noqa: RUF012 - msgspec copies it
    place: Annotated[
        Literal["front", "back"] | None, Meta(description="the front is before everything else")
    ] = None
    priority: Annotated[
        Annotated[int, Meta(ge=1, le=10)] | None,
        Meta(description="instead of a place: from 1 to 10; 5 is the usual one"),
    ] = None


class PauseBody(Document):
    """Options of a pause."""

    reason: Annotated[
        Annotated[str, Meta(max_length=MAX_REASON)] | None, Meta(description="shown to others")
    ] = None


class ResumeBody(Document):
    """No options."""


@routes.add(
    "POST",
    "/api/v1/prompts/<row:prompt_id>/retry",
    Moved,
    tag="changes",
    body=RetryBody,
    errors={404: "No such prompt", 409: "The prompt is in another state"},
)
def retry_prompt(services: Services, prompt_id: int, body: RetryBody) -> Moved:
    """Put a finished or failed prompt back in the queue."""
    requeued = services.repository().requeue([prompt_id], again=body.again)
    for reason in requeued.refused.values():
        hint = "With 'again' it is rendered once more." if reason == "it is ready" else None
        raise _refused(prompt_id, reason, hint)
    return _moved(requeued)


@routes.add(
    "POST",
    "/api/v1/retry",
    Moved,
    tag="changes",
    body=Annotated[
        RetryManyBody,
        Meta(extra_json_schema={"anyOf": [{"required": ["ids"]}, {"required": ["all_errors"]}]}),
    ],
    body_required=True,
)
def retry_prompts(services: Services, body: RetryManyBody) -> Moved:
    """Put many finished or failed prompts back in the queue."""
    if body.all_errors == bool(body.ids):
        raise bad_body("the body must have either 'ids' or 'all_errors': true")
    if body.except_ids and not body.all_errors:
        raise bad_body("'except_ids' needs 'all_errors'")
    repository = services.repository()
    if body.all_errors:
        requeued = repository.requeue_errors(body.except_ids)
    else:
        requeued = repository.requeue(body.ids, again=body.again)
    if body.front and requeued.moved:
        repository.move(requeued.moved, "front")
    return _moved(requeued)


@routes.add(
    "POST",
    "/api/v1/prompts/<row:prompt_id>/cancel",
    Cancelled,
    tag="changes",
    body=CancelBody,
    errors={404: "No such prompt", 409: "The prompt is in another state"},
)
def cancel_prompt(services: Services, prompt_id: int, body: CancelBody) -> Cancelled:
    """Take a prompt out of the queue."""
    reason = services.repository().cancel(prompt_id, requeue=body.requeue)
    if reason is not None:
        raise _refused(prompt_id, reason, None)
    return Cancelled(prompt_id, requeued=body.requeue)


@routes.add(
    "POST",
    "/api/v1/cancel",
    CancelledMany,
    tag="changes",
    body=Annotated[CancelManyBody, _EITHER],
    body_required=True,
)
def cancel_prompts(services: Services, body: CancelManyBody) -> CancelledMany:
    """Take many prompts out of the queue."""
    ids = _chosen(services, body)
    result = _moved(services.repository().cancel_many(ids, requeue=body.requeue))
    return CancelledMany(result.moved, result.refused)


@routes.add(
    "POST",
    "/api/v1/move",
    Moved,
    tag="changes",
    body=Annotated[MoveBody, _EITHER],
    body_required=True,
)
def move_prompts(services: Services, body: MoveBody) -> Moved:
    """Give pending prompts another place in the queue.

    The place lasts until a prompt ends. The priority that other programs gave it stays as it is.
    """
    place = body.priority if body.priority is not None else body.place
    if place is None or (body.priority is not None and body.place is not None):
        raise bad_body("the body must have either 'place' or 'priority'")
    return _moved(services.repository().move(_chosen(services, body), place))


@routes.add("POST", "/api/v1/pause", Paused, tag="changes", body=PauseBody)
def pause(services: Services, body: PauseBody) -> Paused:
    """Stop starting new renders until the queue is resumed.

    Renders in progress are finished.
    """
    reason = " ".join((body.reason or "").replace("\0", " ").split())
    controls = services.controls()
    controls.pause(PausedBy.PERSON, reason or _NO_REASON, "", ())
    return Paused(show_pause(controls.paused()))


@routes.add("POST", "/api/v1/resume", Paused, tag="changes", body=ResumeBody)
def resume(services: Services, body: ResumeBody) -> Paused:  # noqa: ARG001 - is validated
    """Resume the queue."""
    controls = services.controls()
    controls.resume()
    return Paused(show_pause(controls.paused()))


def _chosen(services: Services, body: CancelManyBody | MoveBody) -> Sequence[int]:
    """The ids that the body names, or those of all pending prompts that it chooses."""
    if body.all_pending == bool(body.ids):
        raise bad_body("the body must have either 'ids' or 'all_pending': true")
    if not body.all_pending:
        if body.kind or body.except_ids:
            raise bad_body("'kind' and 'except_ids' need 'all_pending'")
        return body.ids
    kinds = [body.kind] if body.kind else list(Kind)
    kept = set(body.except_ids)
    gallery = services.gallery()
    return [
        prompt_id
        for kind in kinds
        for prompt_id in gallery.waiting_ids(kind)
        if prompt_id not in kept
    ]


def _moved(requeued: Requeued) -> Moved:
    refused = {str(prompt_id): reason for prompt_id, reason in requeued.refused.items()}
    return Moved(list(requeued.moved), refused)


def _refused(prompt_id: int, reason: str, hint: str | None) -> ApiError:
    if reason == _UNKNOWN:
        return ApiError(404, "no_such_prompt", f"there is no prompt with the id {prompt_id}")
    return ApiError(409, "refused", f"prompt {prompt_id} stays as it is: {reason}", hint)
