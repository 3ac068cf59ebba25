"""``/api/v1/status`` and ``/api/v1/queue``: the state of the queue, and what is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import msgspec
from flask import request
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from application.ports.database import PausedBy
from application.ports.workers import total_slots
from application.workflow_holds import (
    MAX_EXAMINED,
    held_counts,
    held_prompts,
    held_workflows,
    prompts_of,
    unavailable_kinds,
)
from domain.artifact_status import ArtifactStatus
from domain.failure import hint_of
from domain.prompt import CANCELLED, Kind
from entrypoints.web.api import Routes
from entrypoints.web.briefs import Problem, WrittenBrief, explain_error, title_of, written_brief
from entrypoints.web.gallery_api import gallery_item
from entrypoints.web.json_responses import Count, CountByKind, Document, KindName, Time, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports import database
    from application.ports.gallery import FailedPrompt, Gallery, PromptPreview, WaitingPrompt
    from application.ports.live_state import RenderView, UnavailableKind, WorkerView
    from application.ports.prompt_catalogue import QueueSummary, RenderRecord
    from application.ports.workers import RegisteredWorker
    from domain.workflow_rules import WorkflowKey
    from entrypoints.web.services import Services

MAX_LISTED: Final = 50  # waiting prompts of each kind, and failed ones
MAX_OUTCOMES: Final = 20
MAX_ROWS: Final = 200  # in one answer
MAX_TEXT: Final = 500  # characters of a request in a row
MAX_OFFSET: Final = 100_000_000

_SECONDS_LEFT: Final = (
    "how long the whole queue will take; null while it is paused, and if that is unknown"
)

routes = Routes()
blueprint = routes.blueprint


# ----------------------------------------------------------------------------------------- answers


class Rendering(Document):
    """A render in progress."""

    prompt_id: int
    render_id: int
    kind: KindName
    fraction: Annotated[
        float | None, Meta(description="completed part, from 0 to 1; null if unknown")
    ]
    message: Annotated[str, Meta(description="the workflow's own word for its current step")]
    seconds_left: float | None
    started_at: Time
    worker: Annotated[str, Meta(description="host:pid")]
    preview_url: Annotated[
        str | None,
        Meta(
            description="address of the picture so far, a new one for each picture; null while"
            " there is none"
        ),
    ]
    text: (
        Annotated[str, Meta(description="the original request; not in the answer about one prompt")]
        | UnsetType
    ) = UNSET


class Worker(Document):
    """A process that renders."""

    pid: int
    host: str
    command: Annotated[str, Meta(description="run or daemon")]
    slots: Annotated[int, Meta(description="number of prompts rendered at the same time")]
    started_at: Time
    updated_at: Time


class StoppedKind(Document):
    """Why a worker renders nothing of a kind."""

    kind: Annotated[KindName | None, Meta(description="null for all kinds that it renders")]
    code: str
    reason: str


class Machine(Document):
    """A worker of any machine that shares the queue."""

    machine: Annotated[str, Meta(description="name of the machine or container")]
    pid: int
    command: Annotated[str, Meta(description="run or daemon")]
    version: str
    slots: Annotated[int, Meta(description="number of prompts rendered at the same time")]
    renderers: Annotated[dict[str, str], Meta(description="the renderer of each media kind")]
    prompt_ids: Annotated[list[int], Meta(description="the prompts that it renders")]
    stopped: Annotated[list[StoppedKind], Meta(description="what keeps it from rendering")]
    started_at: Time
    seen_at: Annotated[Time, Meta(description="by the clock of the database")]
    gone: Annotated[bool, Meta(description="whether it ended without a word, or is silent")]


class Broken(Document):
    """Why nothing of a kind, or of one named workflow of it, can be rendered."""

    kind: KindName
    code: str
    message: str
    hint: str
    workflow: Annotated[str, Meta(description='name of the workflow; "" for the whole kind')]
    since: Annotated[
        Time,
        Meta(description="when a worker found it; null while a running worker here says so"),
    ] = None
    elsewhere: Annotated[
        str, Meta(description='the other machine or settings that it belongs to; "" for none')
    ] = ""
    some: Annotated[
        bool, Meta(description="whether only those prompts wait that name what is not there")
    ] = False
    prompts: Annotated[
        list[int] | None,
        Meta(
            description="the ids of the pending prompts that wait for the workflow, among the first"
            f" {MAX_EXAMINED} of the kind; null if they were not looked for"
        ),
    ] = None


class Pause(Document):
    """Why nothing is rendered."""

    by: Annotated[PausedBy, Meta(description="person or environment")]
    reason: str
    code: Annotated[str | None, Meta(description="failure code that stopped the queue")]
    hint: str | None
    since: Time


class Outcome(Document):
    """A render that has ended."""

    prompt_id: int
    render_id: int
    kind: KindName
    title: Annotated[str, Meta(description="title of the song, or the beginning of the prompt")]
    outcome: str | None
    code: str | None
    message: Annotated[str | None, Meta(description="why it failed or was put back")]
    seconds: float | None
    finished_at: Time
    thumbnail_url: Annotated[
        str | None, Meta(description="address of a small WebP; null for a song, and without a file")
    ]


Counts = Annotated[dict[str, Count], Meta(description="number of prompts by artifact_status")]


class StatusCounts(Document):
    """Prompts by status, for each media kind."""

    image: Counts
    audio: Counts


class TimeByKind(Document):
    """One time for each media kind."""

    image: Time
    audio: Time


class Status(Document):
    """The state of the queue in a few numbers."""

    counts: StatusCounts
    unwritten: Annotated[CountByKind, Meta(description="pending prompts without a writing")]
    waiting: Annotated[CountByKind, Meta(description="pending prompts that wait for a retry")]
    next_retry_at: Time
    oldest_pending: TimeByKind
    paused: Pause | None
    rendering: list[Rendering]
    outcomes: Annotated[list[Outcome], Meta(description=f"the last {MAX_OUTCOMES}, newest first")]
    workers: Annotated[
        list[Worker], Meta(description="live workers; if there are none, nothing is rendered")
    ]
    broken: list[Broken]
    seconds_left: Annotated[float | None, Meta(description=_SECONDS_LEFT)] = None
    machines: Annotated[
        list[Machine], Meta(description="the workers of all machines that were seen within a day")
    ] = []  # noqa: RUF012 - msgspec copies it


class Waiting(WrittenBrief):
    """A prompt that waits to be rendered."""

    id: int
    text: Annotated[str, Meta(description="the original request")]
    title: str
    created_at: Time
    retry_at: Annotated[
        str | None,
        Meta(description="earliest time of the next attempt", examples=["2026-01-06T21:30:45"]),
    ]


class Failed(Document):
    """A prompt that failed."""

    id: int
    kind: KindName
    text: Annotated[str, Meta(description="the original request")]
    created_at: Time
    error: Problem | None
    finished_at: Time
    attempts: Count


class QueueRow(Document):
    """A prompt in one line."""

    id: int
    kind: KindName
    title: Annotated[str, Meta(description="title of the song, or the beginning of the prompt")]
    text: Annotated[str, Meta(description=f"the original request, {MAX_TEXT:,} characters at most")]
    created_at: Time
    error: Annotated[
        Problem | None,
        Meta(description="why it failed; of a waiting prompt, why its writing cannot be read"),
    ]
    retry_at: Annotated[
        str | None,
        Meta(description="earliest time of the next attempt", examples=["2026-01-06T21:30:45"]),
    ] = None
    finished_at: Time = None
    attempts: Count = 0


class QueueRows(Document):
    """A part of a list of the queue."""

    items: list[QueueRow]
    total: Annotated[Count, Meta(description="length of the whole list")]


class RowParameters(msgspec.Struct, frozen=True):
    """Which part of which list of the queue."""

    list: Annotated[
        Literal["waiting", "failed", "cancelled"],
        Meta(
            description="waiting prompts stand in the order in which they are rendered; of those"
            " that failed or that a person cancelled, the last one is first"
        ),
    ] = "waiting"
    kind: Annotated[
        Literal["image", "audio"], Meta(description="of the waiting prompts; others have one list")
    ] = "image"
    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET, description="rows to leave out")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS, description="maximum number of rows")] = 100


class WaitingByKind(Document):
    """Waiting prompts, for each media kind."""

    image: list[Waiting]
    audio: list[Waiting]


class QueueTotals(Document):
    """Number of prompts that wait, that failed, and that a person cancelled."""

    waiting: Annotated[CountByKind, Meta(description="all waiting prompts")]
    failed: Count
    cancelled: Count


class Queue(Document):
    """What waits, what failed and what is being rendered."""

    waiting: Annotated[WaitingByKind, Meta(description=f"the oldest {MAX_LISTED} of each kind")]
    failed: Annotated[list[Failed], Meta(description=f"the last {MAX_LISTED}")]
    cancelled: Annotated[
        list[Failed], Meta(description=f"the last {MAX_LISTED} that a person cancelled")
    ]
    rendering: list[Rendering]
    totals: QueueTotals
    seconds_left: Annotated[float | None, Meta(description=_SECONDS_LEFT)] = None


# ------------------------------------------------------------------------------------------ routes


@routes.add("GET", "/api/v1/status", Status, tag="queue")
def status(services: Services) -> Status:
    """The state of the queue in a few numbers."""
    summary = services.summaries.summary(services.catalogue)
    workers = services.live.workers()
    unavailable = unavailable_kinds(workers, services.controls().holds())
    held = _held(services, summary, unavailable)
    counts = {kind.value: _counts(summary, kind) for kind in Kind}
    oldest = {kind.value: iso(summary.oldest_pending.get(kind)) for kind in Kind}
    return Status(
        counts=StatusCounts(**counts),
        unwritten=_by_kind(summary.unwritten),
        waiting=_by_kind(summary.waiting),
        next_retry_at=iso(summary.next_retry_at),
        oldest_pending=TimeByKind(**oldest),
        paused=show_pause(services.controls().paused()),
        rendering=renderings(summary.rendering, workers, _texts(services, summary)),
        outcomes=_outcomes(services),
        workers=[show_worker(worker) for worker in workers],
        broken=_broken(unavailable, held),
        seconds_left=_queue_seconds_left(services, summary, workers, held),
        machines=[show_machine(worker) for worker in services.register().workers()],
    )


@routes.add("GET", "/api/v1/queue", Queue, tag="queue")
def queue(services: Services) -> Queue:
    """What waits, what failed and what is being rendered."""
    gallery = services.gallery()
    summary = services.summaries.summary(services.catalogue)
    workers = services.live.workers()
    unavailable = unavailable_kinds(workers, services.controls().holds())
    waiting = {
        kind.value: [_waiting(prompt, services) for prompt in gallery.waiting(kind, MAX_LISTED)]
        for kind in Kind
    }
    return Queue(
        waiting=WaitingByKind(**waiting),
        failed=[_failed(prompt) for prompt in gallery.failed(MAX_LISTED)],
        cancelled=[_failed(prompt) for prompt in gallery.failed(MAX_LISTED, cancelled=True)],
        rendering=renderings(summary.rendering, workers, _texts(services, summary)),
        totals=QueueTotals(
            waiting=_by_kind({kind: _counts(summary, kind)["pending"] for kind in Kind}),
            failed=sum(_counts(summary, kind)["error"] for kind in Kind),
            cancelled=sum(_counts(summary, kind).get(CANCELLED, 0) for kind in Kind),
        ),
        seconds_left=_queue_seconds_left(
            services, summary, workers, _held(services, summary, unavailable)
        ),
    )


@routes.add("GET", "/api/v1/queue/rows", QueueRows, tag="queue", query=RowParameters)
def queue_rows(services: Services, query: RowParameters) -> QueueRows:
    """A part of a list of the queue, one line for each prompt.

    So a list of any length can be shown: only the part in sight is asked for.
    """
    gallery = services.gallery()
    summary = services.summaries.summary(services.catalogue)
    if query.list == "waiting":
        kind = Kind(query.kind)
        prompts = gallery.waiting(kind, query.limit, query.offset)
        return QueueRows(list(map(_waiting_row, prompts)), _counts(summary, kind)["pending"])
    is_cancelled = query.list == "cancelled"
    status = CANCELLED if is_cancelled else ArtifactStatus.ERROR.value
    failed = gallery.failed(query.limit, cancelled=is_cancelled, offset=query.offset)
    total = sum(_counts(summary, kind).get(status, 0) for kind in Kind)
    return QueueRows(list(map(_failed_row, failed)), total)


# ------------------------------------------------------------------------------------- conversions


def renderings(
    renders: Sequence[RenderRecord],
    workers: Sequence[WorkerView],
    texts: Mapping[int, str] | None = None,
) -> list[Rendering]:
    """Renders in progress, with their progress where a worker shows it.

    Args:
        renders: from the database.
        workers: from the live state.
        texts: original requests by render id; None to leave them out.
    """
    views = {view.render_id: (view, worker) for worker in workers for view in worker.renders}
    answer = []
    for render in renders:
        view, worker = views.get(render.render_id, (None, None))
        answer.append(
            Rendering(
                prompt_id=render.prompt_id,
                render_id=render.render_id,
                kind=render.kind,
                fraction=view.fraction if view else None,
                message=view.message if view else "",
                seconds_left=_seconds_left(view, worker) if view and worker else None,
                started_at=iso(render.claimed_at),
                worker=render.worker,
                preview_url=(
                    f"{request.script_root}/api/renders/{view.render_id}/preview?v={view.preview}"
                    if view and view.preview
                    else None
                ),
                text=UNSET if texts is None else texts[render.render_id],
            )
        )
    return answer


def _texts(services: Services, summary: QueueSummary) -> dict[int, str]:
    """The original requests of the renders in progress, by render id."""
    return {
        render.render_id: services.summaries.prompt_text(render, services.catalogue)
        for render in summary.rendering
    }


def _held(
    services: Services, summary: QueueSummary, unavailable: Sequence[UnavailableKind]
) -> Mapping[WorkflowKey, Sequence[int]]:
    """The pending prompts of named workflows that cannot run."""
    workflows = held_workflows(unavailable)
    return services.summaries.held(
        summary,
        workflows,
        lambda: held_prompts(
            workflows, services.rules, services.gallery(), services.workflow_records()
        ),
    )


def _queue_seconds_left(
    services: Services,
    summary: QueueSummary,
    workers: Sequence[WorkerView],
    held: Mapping[WorkflowKey, Sequence[int]],
) -> float | None:
    if services.controls().paused():
        return None
    views = [(view, worker) for worker in workers for view in worker.renders]
    left = [_seconds_left(view, worker) for view, worker in views]
    slots = total_slots(workers, services.register().workers())
    seconds = summary.seconds_left(slots, left, held_counts(held))
    return None if seconds is None else round(seconds, 1)


def _seconds_left(view: RenderView, worker: WorkerView) -> float | None:
    """Seconds from now on; the worker's own estimate may be some seconds old."""
    if view.seconds_left is None:
        return None
    age = (datetime.now(UTC) - worker.updated_at).total_seconds()
    return round(max(0.0, view.seconds_left - max(0.0, age)), 1)


def is_stopped(status: Status) -> bool:
    """Whether prompts wait, and none of them can be rendered; static/queue.js says the same."""
    whole = {one.kind for one in status.broken if not (one.workflow or one.some or one.elsewhere)}
    waiting = {kind for kind in Kind if getattr(status.counts, kind.value).get("pending")}
    return bool(waiting) and waiting <= whole and not status.rendering


def show_worker(worker: WorkerView) -> Worker:
    """A process that renders, as the API shows it."""
    return Worker(
        pid=worker.identity.pid,
        host=worker.identity.host,
        command=worker.command,
        slots=worker.slots,
        started_at=iso(worker.started_at),
        updated_at=iso(worker.updated_at),
    )


def show_machine(worker: RegisteredWorker) -> Machine:
    """A worker of any machine, as the API shows it."""
    description = worker.description
    return Machine(
        machine=description.identity.host,
        pid=description.identity.pid,
        command=description.command,
        version=description.version,
        slots=description.slots,
        renderers={kind.value: name for kind, name in description.renderers.items()},
        prompt_ids=list(worker.prompt_ids),
        stopped=msgspec.convert(description.stopped, list[StoppedKind], from_attributes=True),
        started_at=iso(description.started_at),
        seen_at=iso(worker.seen_at),
        gone=worker.is_gone,
    )


def show_pause(current: database.Pause | None) -> Pause | None:
    """The pause in force, as the API shows it."""
    if current is None:
        return None
    return Pause(
        by=current.by,
        reason=current.reason,
        code=current.code or None,
        hint=hint_of(current.code) or None,
        since=iso(current.since),
    )


def _broken(
    unavailable: Sequence[UnavailableKind], held: Mapping[WorkflowKey, Sequence[int]]
) -> list[Broken]:
    """What keeps kinds and named workflows from being rendered; each problem once."""
    return [show_broken(one, prompts_of(one, held)) for one in unavailable]


def show_broken(one: UnavailableKind, prompts: Sequence[int] | None = None) -> Broken:
    """What cannot be rendered, as the API shows it."""
    return Broken(
        *(one.kind, one.code, one.message, one.hint, one.workflow),
        since=iso(one.since or None),
        elsewhere=one.elsewhere,
        some=one.is_partial,
        prompts=None if prompts is None else list(prompts),
    )


def _outcomes(services: Services) -> list[Outcome]:
    """The last renders that ended, newest first."""
    gallery = services.gallery()
    renders = gallery.ended(MAX_OUTCOMES)
    known = cast("Mapping[int, Outcome]", services.summaries.outcomes)
    missing = [render for render in renders if render.render_id not in known]
    if missing:
        previews = gallery.previews({render.prompt_id for render in missing})
        made = {
            render.render_id: _outcome(
                render, previews.get(render.prompt_id), gallery, request.script_root
            )
            for render in missing
        }
        numbers = {render.render_id for render in renders}
        kept = {number: outcome for number, outcome in known.items() if number in numbers}
        known = services.summaries.outcomes = kept | made
    return [known[render.render_id] for render in renders]


def _outcome(
    render: RenderRecord, preview: PromptPreview | None, gallery: Gallery, base: str
) -> Outcome:
    has_file = render.outcome == "published" and preview and preview.artifact_id is not None
    artifact = gallery.artifact_by_id(preview.artifact_id or 0) if preview and has_file else None
    return Outcome(
        prompt_id=render.prompt_id,
        render_id=render.render_id,
        kind=render.kind,
        title=title_of(render.kind, preview.text, preview.writing) if preview else "",
        outcome=render.outcome,
        code=render.failure_code,
        message=render.failure_message,
        seconds=render.seconds,
        finished_at=iso(render.finished_at),
        thumbnail_url=gallery_item(artifact, base).thumbnail_url if artifact else None,
    )


def _waiting(prompt: WaitingPrompt, services: Services) -> Waiting:
    return Waiting(
        id=prompt.id,
        text=prompt.text,
        title=title_of(prompt.kind, prompt.text, prompt.writing),
        created_at=prompt.created_at,
        retry_at=prompt.retry_at,
        **asdict(written_brief(prompt.kind, prompt.writing, services.brief_paths[prompt.kind])),
    )


def _waiting_row(prompt: WaitingPrompt) -> QueueRow:
    return QueueRow(
        id=prompt.id,
        kind=prompt.kind,
        title=title_of(prompt.kind, prompt.text, prompt.writing),
        text=prompt.text[:MAX_TEXT],
        created_at=prompt.created_at,
        error=written_brief(prompt.kind, prompt.writing, ()).brief_problem,
        retry_at=prompt.retry_at,
    )


def _failed_row(prompt: FailedPrompt) -> QueueRow:
    return QueueRow(
        id=prompt.id,
        kind=prompt.kind,
        title=title_of(prompt.kind, prompt.text, prompt.writing),
        text=prompt.text[:MAX_TEXT],
        created_at=prompt.created_at,
        error=explain_error(prompt.error_message, prompt.failure_code),
        finished_at=prompt.finished_at,
        attempts=prompt.attempts,
    )


def _failed(prompt: FailedPrompt) -> Failed:
    return Failed(
        id=prompt.id,
        kind=prompt.kind,
        text=prompt.text,
        created_at=prompt.created_at,
        error=explain_error(prompt.error_message, prompt.failure_code),
        finished_at=prompt.finished_at,
        attempts=prompt.attempts,
    )


def _counts(summary: QueueSummary, kind: Kind) -> dict[str, int]:
    return {status.value: 0 for status in ArtifactStatus} | dict(summary.counts.get(kind, {}))


def _by_kind(counts: Mapping[Kind, int]) -> CountByKind:
    return CountByKind(**{kind.value: counts.get(kind, 0) for kind in Kind})
