"""``/api/v1/prompts``: prompts listed and searched, and everything known about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta
from msgspec.structs import asdict
from returns.pipeline import is_successful

from application.ports.gallery import PromptListQuery, PromptPosition
from application.workflow_holds import broken_of, unavailable_kinds
from domain.artifact_status import ArtifactStatus
from domain.brief_parser import parse_brief
from entrypoints.web.api import ListParameters, Routes, RowId, bad_query
from entrypoints.web.briefs import (
    Problem,
    WrittenBrief,
    brief_problem,
    explain_error,
    title_of,
    written_brief,
)
from entrypoints.web.errors import ApiError
from entrypoints.web.gallery_api import GalleryItem, gallery_items
from entrypoints.web.json_responses import Count, Document, KindName, Time, iso
from entrypoints.web.queue_api import Broken, Rendering, renderings, show_broken
from entrypoints.workflow_choice import explain_workflow
from entrypoints.workflow_output import read_lines

if TYPE_CHECKING:
    from application.ports.gallery import ListedPrompt
    from application.ports.prompt_catalogue import PromptRecord, RenderRecord
    from entrypoints.web.services import Services

MAX_PAGE_SIZE: Final = 200  # prompts
MAX_LOG_LINES: Final = 5_000

routes = Routes()
blueprint = routes.blueprint


class PromptListItem(Document):
    """A prompt in the list."""

    id: int
    kind: KindName
    status: Annotated[
        str, Meta(description="of the prompt itself: completed once the Poets Service is done")
    ]
    artifact_status: Annotated[
        str, Meta(description="pending, processing, ready, error, or another program's word")
    ]
    text: Annotated[str, Meta(description="the original request")]
    title: str
    created_at: Time
    error: Annotated[
        Problem | None,
        Meta(description="why it failed; of a pending prompt, why its writing cannot be read"),
    ]
    artifact_count: Count
    is_written: Annotated[bool, Meta(description="whether it has the writing to be rendered")]


class PromptPage(Document):
    """One page of prompts."""

    prompts: Annotated[
        list[PromptListItem],
        Meta(description="newest first; may be fewer than limit although next_cursor is not null"),
    ]
    next_cursor: Annotated[str | None, Meta(description="cursor of the next page; null at the end")]


class Render(Document):
    """One render in the history of a prompt."""

    render_id: int
    claimed_at: Time
    finished_at: Time
    outcome: Annotated[str | None, Meta(description="null while the render is in progress")]
    seconds: float | None
    failure_code: str | None
    failure_message: str | None
    attempt: Annotated[int, Meta(description="counted from 1")]
    crashes: Annotated[int, Meta(description="number of workers lost with this prompt before")]
    retry_at: Time
    worker: Annotated[str, Meta(description="host:pid")]


class RenderedWith(Document):
    """The named workflow that rendered a writing."""

    name: str
    reason: Annotated[str, Meta(description="why it was chosen")]


class PromptWorkflow(Document):
    """Which named workflow renders a prompt, and why."""

    name: Annotated[str | None, Meta(description="null if none does")]
    reason: Annotated[str | None, Meta(description="the rule that fits, or that a person chose it")]
    problem: Annotated[str | None, Meta(description="why none does")]
    rendered_with: Annotated[
        list[RenderedWith], Meta(description="what rendered each of its writings last")
    ]


class Prompt(WrittenBrief):
    """Everything known about one prompt."""

    id: int
    kind: KindName
    status: str
    artifact_status: str
    text: Annotated[str, Meta(description="the original request")]
    title: str
    created_at: Time
    error: Problem | None
    renders: Annotated[list[Render], Meta(description="newest first")]
    artifacts: Annotated[list[GalleryItem], Meta(description="oldest first")]
    live: Annotated[Rendering | None, Meta(description="the render in progress")]
    workflow: Annotated[
        PromptWorkflow | None, Meta(description="null if its kind has only one workflow")
    ]
    broken: Annotated[
        Broken | None,
        Meta(description="why it waits while its kind or workflow cannot be rendered, or null"),
    ]
    label: Annotated[str | None, Meta(description="that it has in common with other prompts")]
    varied: Annotated[
        dict[str, Any], Meta(description="what makes it different from those: values by path")
    ]


class WorkflowOutput(Document):
    """What the workflow of a render printed."""

    render_id: Annotated[int | None, Meta(description="null if there was no render yet")]
    outcome: Annotated[str | None, Meta(description="null while the render is in progress")]
    worker: Annotated[str | None, Meta(description="host:pid")]
    lines: Annotated[
        list[str] | None,
        Meta(
            description=f"the end of the output, at most {MAX_LOG_LINES:,} lines; null if none is"
            " kept on this machine"
        ),
    ]


class OutputParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which render's output is read."""

    render: Annotated[RowId | None, Meta(description="render_id; by default the newest")] = None


class PromptParameters(ListParameters, frozen=True):
    """Which prompts are listed."""

    limit: Annotated[
        int, Meta(ge=1, le=MAX_PAGE_SIZE, description="maximum number of prompts in the answer")
    ] = 50


@routes.add("GET", "/api/v1/prompts", PromptPage, tag="prompts", query=PromptParameters)
def list_prompts(services: Services, query: PromptParameters) -> PromptPage:
    """Prompts, newest first."""
    page = services.gallery().prompts(
        PromptListQuery(**query.filters(), after=_position(query.cursor), limit=query.limit)
    )
    items = [list_item(prompt) for prompt in page.prompts]
    return PromptPage(items, page.next.token() if page.next else None)


@routes.add(
    "GET",
    "/api/v1/prompts/<row:prompt_id>",
    Prompt,
    tag="prompts",
    errors={404: "No such prompt"},
)
def prompt(services: Services, prompt_id: int) -> Prompt:
    """One prompt with everything known about it."""
    record = find_prompt(services, prompt_id)
    row = record.prompt
    live = [render for render in record.renders if render.outcome is None]
    is_pending = row.artifact_status == ArtifactStatus.PENDING
    workers = services.live.workers() if live or is_pending else ()
    workflow = _workflow(services, record)
    broken = None
    if is_pending:
        unavailable = unavailable_kinds(workers, services.controls().holds())
        broken = broken_of(unavailable, row.kind, (workflow and workflow.name) or "")
    return Prompt(
        id=row.id,
        kind=row.kind,
        status=record.status,
        artifact_status=row.artifact_status,
        text=row.text,
        title=title_of(row.kind, row.text, record.writing),
        created_at=iso(row.created_at),
        error=explain_error(row.error_message),
        renders=[_render(render) for render in record.renders],
        artifacts=gallery_items(services, services.gallery().artifacts_of(prompt_id) or ()),
        live=next(iter(renderings(live, workers)), None),
        workflow=workflow,
        broken=show_broken(broken) if broken else None,
        label=record.label or None,
        varied=dict(record.varied),
        **asdict(written_brief(row.kind, record.writing, services.brief_paths[row.kind])),
    )


def _workflow(services: Services, record: PromptRecord) -> PromptWorkflow | None:
    """Which named workflow renders a prompt; None if its kind has only one."""
    row = record.prompt
    parsed = parse_brief(row.kind, record.writing.content) if record.writing else None
    brief = parsed.unwrap() if parsed is not None and is_successful(parsed) else None
    rules, records = services.rules.get(row.kind), services.workflow_records()
    explained = explain_workflow(rules, records, row.id, brief)
    return msgspec.convert(explained.document(), PromptWorkflow) if explained else None


@routes.add(
    "GET",
    "/api/v1/prompts/<row:prompt_id>/output",
    WorkflowOutput,
    tag="prompts",
    query=OutputParameters,
    errors={404: "No such prompt, or it has no such render"},
)
def workflow_output(services: Services, prompt_id: int, query: OutputParameters) -> WorkflowOutput:
    """What the workflow of a prompt printed."""
    record = find_prompt(services, prompt_id)
    if query.render is None:
        render = next(iter(record.renders), None)
    else:
        numbered = (one for one in record.renders if one.render_id == query.render)
        render = next(numbered, None)
        if render is None:
            message = f"prompt {prompt_id} has no render {query.render}"
            raise ApiError(404, "no_such_render", message)
    if render is None:
        return WorkflowOutput(None, None, None, None)
    lines = read_lines(services.render_logs.read(render.render_id))
    return WorkflowOutput(
        render.render_id, render.outcome, render.worker, lines and lines[-MAX_LOG_LINES:]
    )


def find_prompt(services: Services, prompt_id: int) -> PromptRecord:
    """A prompt with its history. Raises ApiError when there is none."""
    record = services.catalogue().find(prompt_id)
    if record is None:
        message = f"there is no image or lyrics prompt with the id {prompt_id}"
        raise ApiError(404, "no_such_prompt", message)
    return record


def _position(cursor: str | None) -> PromptPosition | None:
    try:
        return PromptPosition.of_token(cursor) if cursor else None
    except ValueError:
        raise bad_query(
            "cursor", "does not come from an earlier answer; start without it"
        ) from None


def list_item(prompt: ListedPrompt) -> PromptListItem:
    """A prompt in a list, as the API shows it."""
    error = explain_error(prompt.error_message, prompt.failure_code)
    if error is None and prompt.writing and prompt.artifact_status == ArtifactStatus.PENDING:
        error = brief_problem(prompt.kind, prompt.writing)
    return PromptListItem(
        id=prompt.id,
        kind=prompt.kind,
        status=prompt.status,
        artifact_status=prompt.artifact_status,
        text=prompt.text,
        title=title_of(prompt.kind, prompt.text, prompt.writing),
        created_at=prompt.created_at,
        error=error,
        artifact_count=prompt.artifact_count,
        is_written=prompt.writing is not None,
    )


def _render(render: RenderRecord) -> Render:
    return Render(
        render_id=render.render_id,
        claimed_at=iso(render.claimed_at),
        finished_at=iso(render.finished_at),
        outcome=render.outcome,
        seconds=render.seconds,
        failure_code=render.failure_code,
        failure_message=render.failure_message,
        attempt=render.attempt,
        crashes=render.crashes,
        retry_at=iso(render.retry_at),
        worker=render.worker,
    )
