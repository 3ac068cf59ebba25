"""What goes on at this moment, as the API tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.failure import FailureCode
from entrypoints.web.answers import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.live_state import RenderView, WorkerView
    from application.ports.prompt_catalogue import RenderRecord
    from application.ports.queue_controls import Pause


def rendering_documents(
    renders: Sequence[RenderRecord], workers: Sequence[WorkerView]
) -> list[dict[str, object]]:
    """The renders that go on, with how far they are where a worker shows it."""
    views = {view.render_id: (view, worker) for worker in workers for view in worker.renders}
    return [_rendering(render, *views.get(render.render_id, (None, None))) for render in renders]


def worker_document(worker: WorkerView) -> dict[str, object]:
    """A process that renders."""
    return {
        "pid": worker.identity.pid,
        "host": worker.identity.host,
        "command": worker.command,
        "slots": worker.slots,
        "started_at": iso(worker.started_at),
        "updated_at": iso(worker.updated_at),
    }


def broken_documents(workers: Sequence[WorkerView]) -> list[dict[str, object]]:
    """What keeps whole kinds from being rendered, each thing once."""
    every = [broken for worker in workers for broken in worker.standing.broken]
    return [
        {
            "kind": broken.kind.value,
            "code": broken.code,
            "message": broken.message,
            "hint": broken.hint,
        }
        for broken in dict.fromkeys(every)
    ]


def pause_document(pause: Pause | None) -> dict[str, object] | None:
    """Why nothing is claimed."""
    if pause is None:
        return None
    known = pause.code in set(FailureCode)
    return {
        "by": pause.by.value,
        "reason": pause.reason,
        "code": pause.code or None,
        "hint": FailureCode(pause.code).hint if known else None,
        "since": iso(pause.since),
    }


def outcome_document(render: RenderRecord) -> dict[str, object]:
    """A render that ended."""
    return {
        "prompt_id": render.prompt_id,
        "render_id": render.render_id,
        "kind": render.kind.value,
        "outcome": render.outcome,
        "code": render.failure_code,
        "seconds": render.seconds,
        "finished_at": iso(render.finished_at),
    }


def _rendering(
    render: RenderRecord, view: RenderView | None, worker: WorkerView | None
) -> dict[str, object]:
    return {
        "prompt_id": render.prompt_id,
        "render_id": render.render_id,
        "kind": render.kind.value,
        "fraction": view and view.fraction,
        "message": view.message if view else "",
        "seconds_left": _seconds_left(view, worker) if view and worker else None,
        "started_at": iso(render.claimed_at),
        "worker": render.worker,
        "preview_url": _preview_url(view) if view else None,
    }


def _preview_url(view: RenderView) -> str | None:
    """Another one for each picture, so that a page sees when there is a newer one."""
    if not view.preview:
        return None
    return f"/api/renders/{view.render_id}/preview?v={view.preview}"


def _seconds_left(view: RenderView, worker: WorkerView) -> float | None:
    """From now on; a worker does not show itself anew for every second that goes by."""
    if view.seconds_left is None:
        return None
    passed = (datetime.now(UTC) - worker.updated_at).total_seconds()
    return round(max(0.0, view.seconds_left - max(0.0, passed)), 1)
