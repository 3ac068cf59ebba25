"""What is said of workers that show themselves: progress, outcomes, and what is broken."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entrypoints.cli.moments import age_of, duration, left
from entrypoints.cli.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports.live_state import BrokenKind, RenderView, WorkerView
    from application.ports.prompt_catalogue import RenderRecord

    Seen = tuple[RenderView, WorkerView]

_BAR = 20  # columns


def views_by_render(workers: Sequence[WorkerView]) -> Mapping[int, Seen]:
    """The renders that go on, by their numbers, with their workers."""
    return {view.render_id: (view, worker) for worker in workers for view in worker.renders}


def progress_document(seen: Seen | None) -> dict[str, object]:
    """How far a render is, for JSON; null where nobody knows."""
    if seen is None:
        return {"fraction": None, "message": None, "seconds_left": None, "slot": None}
    view, worker = seen
    remaining = _seconds_left(view, worker)
    return {
        "fraction": view.fraction,
        "message": view.message,
        "seconds_left": None if remaining is None else round(remaining, 1),
        "slot": view.slot or None,
    }


def progress_cells(
    renders: Sequence[RenderRecord], workers: Sequence[WorkerView]
) -> list[tuple[str, ...]]:
    """The same for people, in equally many cells; in none at all if nothing is known of any."""
    views = views_by_render(workers)
    found = [views.get(render.render_id) for render in renders]
    return [_cells(seen) for seen in found] if any(found) else [() for _ in found]


def _cells(seen: Seen | None) -> tuple[str, ...]:
    if seen is None:
        return "", "", ""
    view, worker = seen
    return _drawn(view.fraction), one_line(view.message), left(_seconds_left(view, worker))


def _drawn(fraction: float | None) -> str:
    if fraction is None:
        return ""
    percent = f"{int(100 * fraction):3} %"
    if not sys.stdout.isatty():
        return percent
    done = int(_BAR * fraction)
    return f"{'━' * done}{'─' * (_BAR - done)} {percent}"


def _seconds_left(view: RenderView, worker: WorkerView) -> float | None:
    """From now on; the worker does not write its file for every second that goes by."""
    if view.seconds_left is None:
        return None
    passed = (datetime.now(UTC) - worker.updated_at).total_seconds()
    return max(0.0, view.seconds_left - max(0.0, passed))


def worker_document(worker: WorkerView) -> dict[str, object]:
    """A worker for JSON; its renders stand among all others."""
    standing = worker.standing
    paused = {"by": standing.paused_by, "code": standing.code or None, "reason": standing.reason}
    return {
        "worker": _name(worker),
        "command": worker.command,
        "slots": worker.slots,
        "started_at": worker.started_at,
        "paused": paused if standing.paused_by else None,
        "outcomes": [
            {
                "prompt_id": outcome.prompt_id,
                "render_id": outcome.render_id,
                "kind": outcome.kind.value,
                "outcome": outcome.outcome,
                "code": outcome.code or None,
                "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
                "at": outcome.at,
            }
            for outcome in worker.outcomes
        ],
    }


def outcome_rows(workers: Sequence[WorkerView], number: int) -> list[tuple[str, ...]]:
    """The renders that ended last, the newest first."""
    ended = [outcome for worker in workers for outcome in worker.outcomes]
    ended.sort(key=lambda outcome: outcome.at, reverse=True)
    return [
        (
            outcome.outcome,
            f"prompt {outcome.prompt_id}",
            outcome.kind.value,
            duration(outcome.seconds),
            age_of(outcome.at.isoformat()),
            one_line(outcome.code),
        )
        for outcome in ended[:number]
    ]


def broken_document(workers: Sequence[WorkerView]) -> list[dict[str, object]]:
    """What keeps whole kinds from being rendered, for JSON."""
    return [
        {
            "kind": broken.kind.value,
            "worker": _name(worker),
            "code": broken.code,
            "message": broken.message,
            "hint": broken.hint,
        }
        for worker in workers
        for broken in worker.standing.broken
    ]


def broken_rows(workers: Sequence[WorkerView]) -> list[str]:
    """The same for people, each thing once."""
    every = [broken for worker in workers for broken in worker.standing.broken]
    return [line for broken in dict.fromkeys(every) for line in broken_lines(broken)]


def broken_lines(broken: BrokenKind) -> list[str]:
    """What keeps a kind from being rendered, and what to do about it."""
    why = f"{broken.code}: {broken.message}"
    return [
        f"nothing of the kind {broken.kind.value} can be rendered now: {one_line(why)}",
        f"Hint: {one_line(broken.hint)}",
    ]


def _name(worker: WorkerView) -> str:
    return f"{worker.identity.host}:{worker.identity.pid}"
