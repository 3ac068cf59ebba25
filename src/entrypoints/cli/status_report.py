"""What ``mediagen status`` says: counts, live renders, pause, trouble, and advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.artifact_status import ArtifactStatus
from domain.failure import FailureCode
from domain.kind import Kind
from entrypoints.cli.live_report import (
    broken_document,
    broken_rows,
    outcome_rows,
    progress_cells,
    progress_document,
    views_by_render,
    worker_document,
)
from entrypoints.cli.moments import in_future, seconds_since, with_age
from entrypoints.cli.pause_report import pause_document, pause_remedy, pause_sentence
from entrypoints.cli.printable import one_line, table, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from application.ports.live_state import WorkerView
    from application.ports.prompt_catalogue import QueueSummary, RenderRecord
    from application.ports.queue_controls import Pause


def status_document(
    summary: QueueSummary, pause: Pause | None, workers: Sequence[WorkerView] = ()
) -> dict[str, object]:
    """The summary for JSON; every status of ours is there, if only as 0."""
    views = views_by_render(workers)
    return {
        "counts": {kind.value: _counts(summary, kind) for kind in Kind},
        "unwritten": {kind.value: summary.unwritten.get(kind, 0) for kind in Kind},
        "waiting": {kind.value: summary.waiting.get(kind, 0) for kind in Kind},
        "next_retry_at": summary.next_retry_at,
        "oldest_pending": {kind.value: summary.oldest_pending.get(kind) for kind in Kind},
        "rendering": [
            _rendering(render) | progress_document(views.get(render.render_id))
            for render in summary.rendering
        ],
        "workers": [worker_document(worker) for worker in workers],
        "broken": broken_document(workers),
        "paused": pause_document(pause) if pause else None,
        "trouble": _trouble(summary.trouble) if summary.trouble else None,
        "advice": list(_advice(summary, pause)),
    }


def status_lines(
    summary: QueueSummary,
    pause: Pause | None,
    workers: Sequence[WorkerView] = (),
    *,
    outcomes: int = 0,
) -> list[str]:
    """The summary for people, with so many of the last outcomes."""
    columns = terminal_columns()
    rows = _table(summary)
    lines = table(rows, columns, numbers=range(1, len(rows[0])))
    lines += [
        f"oldest pending {kind.value}: {one_line(with_age(moment))}"
        for kind, moment in summary.oldest_pending.items()
        if _count(summary, kind, ArtifactStatus.PENDING)
    ]
    if waiting := sum(summary.waiting.values()):
        due = one_line(in_future(summary.next_retry_at))
        lines += [f"waiting for another try: {waiting}, the next is due {due}"]
    if summary.rendering:
        cells = progress_cells(summary.rendering, workers)
        live = [
            (*_rendering_row(render)[:2], *progress, *_rendering_row(render)[2:])
            for render, progress in zip(summary.rendering, cells, strict=True)
        ]
        lines += ["", "rendering now:", *(f"  {line}" for line in table(live))]
    if pause:
        lines += ["", pause_sentence(pause)]
    elif summary.trouble:
        render = summary.trouble
        when = one_line(with_age(render.finished_at))
        why = f"{render.failure_code}: {one_line(render.failure_message)}"
        lines += ["", f"trouble: prompt {render.prompt_id} was given back {when}: {why}"]
    if broken := broken_rows(workers):
        lines += ["", *broken]
    if ended := outcome_rows(workers, outcomes):
        lines += ["", "ended last:", *(f"  {line}" for line in table(ended))]
    advice = list(_advice(summary, pause))
    return [*lines, "", *advice] if advice else lines


def _table(summary: QueueSummary) -> list[tuple[str, ...]]:
    known = [status.value for status in ArtifactStatus]
    foreign = {word for counts in summary.counts.values() for word in counts} - set(known)
    words = known + sorted(foreign)
    rows = [("", *(one_line(word) or "(none)" for word in words), "unwritten")]
    for kind in Kind:
        numbers = [_counts(summary, kind).get(word, 0) for word in words]
        numbers.append(summary.unwritten.get(kind, 0))
        rows.append((kind.value, *map(str, numbers)))
    return rows


def _counts(summary: QueueSummary, kind: Kind) -> dict[str, int]:
    return {status.value: 0 for status in ArtifactStatus} | dict(summary.counts.get(kind, {}))


def _count(summary: QueueSummary, kind: Kind, status: ArtifactStatus) -> int:
    return _counts(summary, kind)[status.value]


def _rendering(render: RenderRecord) -> dict[str, object]:
    return {
        "render_id": render.render_id,
        "prompt_id": render.prompt_id,
        "kind": render.kind.value,
        "worker": render.worker,
        "attempt": render.attempt,
        "crashes": render.crashes,
        "claimed_at": render.claimed_at,
        "seconds": seconds_since(render.claimed_at),
    }


def _rendering_row(render: RenderRecord) -> tuple[str, ...]:
    since = one_line(with_age(render.claimed_at))
    worker = one_line(render.worker)
    return (f"prompt {render.prompt_id}", render.kind.value, f"since {since}", f"by {worker}")


def _trouble(render: RenderRecord) -> dict[str, object]:
    return {
        "prompt_id": render.prompt_id,
        "kind": render.kind.value,
        "at": render.finished_at,
        "code": render.failure_code,
        "message": render.failure_message,
        "hint": FailureCode(render.failure_code).hint if render.failure_code else "",
    }


def _advice(summary: QueueSummary, pause: Pause | None) -> Iterator[str]:
    """What to do next, the most pressing first."""
    totals = {
        status: sum(_count(summary, kind, status) for kind in Kind) for status in ArtifactStatus
    }
    if pause:
        yield pause_remedy(pause)
    elif summary.trouble and summary.trouble.failure_code:
        hint = FailureCode(summary.trouble.failure_code).hint
        yield f"{hint} Then 'mediagen doctor', and 'mediagen run'."
    if totals[ArtifactStatus.PROCESSING] > len(summary.rendering):
        lost = totals[ArtifactStatus.PROCESSING] - len(summary.rendering)
        yield f"{_prompts(lost)} 'processing', but no render holds it; see 'mediagen doctor'."
    if totals[ArtifactStatus.ERROR]:
        yield (
            f"{totals[ArtifactStatus.ERROR]} ended in error: 'mediagen list --status error' names"
            " them, 'mediagen show ID' says why, 'mediagen retry --all-errors' tries again."
        )
    idle = not summary.rendering and not summary.trouble and not pause
    if totals[ArtifactStatus.PENDING] and idle:
        yield "'mediagen run' renders what is pending."
    if not any(totals.values()) and not any(summary.unwritten.values()):
        yield "Nothing is here yet; 'mediagen submit' adds prompts."


def _prompts(number: int) -> str:
    return "1 prompt says" if number == 1 else f"{number} prompts say"
