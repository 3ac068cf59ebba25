"""Prompts in memory, for the page; whoever asks holds the lock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from adapters.memory.gallery_text import contains
from application.ports.gallery_prompts import (
    FailedPrompt,
    ListedPrompt,
    PlainPrompt,
    PromptPage,
    PromptPosition,
    WaitingPrompt,
)
from application.ports.prompt_catalogue import RenderRecord
from domain.kind import Kind
from domain.moment import iso_moment
from domain.prompt import Writing
from domain.render import Outcome
from domain.span import Span

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from adapters.memory.database import InMemoryDatabase, PromptRow, RenderRow
    from application.ports.gallery_prompts import PromptListQuery

_Age = tuple[bool, bytes, int]


def listed_prompts(
    database: InMemoryDatabase, query: PromptListQuery, owners: Collection[int | None]
) -> PromptPage:
    """One page of the list.

    Args:
        database: the tables.
        query: which are wanted.
        owners: the prompt of each artifact.
    """
    counts, span = Counter(owners), Span(query.since, query.until)
    found = [
        row
        for row in _newest_first(database)
        if (kind := Kind.of_prompt_type(row.prompt_type))
        and (query.kind is None or kind is query.kind)
        and (query.status is None or row.artifact_status == query.status)
        and (query.after is None or _age(row) < _age_of(query.after))
        and span.holds(row.created_at)
        and contains((row.text, database.writings.get(row.output_reference or 0)), query.text)
    ]
    shown = found[: query.limit]
    last = PromptPosition(shown[-1].created_at, shown[-1].id) if shown else None
    listed = tuple(_listed(database, row, counts[row.id]) for row in shown)
    return PromptPage(listed, last if len(found) > query.limit else None)


def plain_prompts(
    database: InMemoryDatabase, prompt_types: Collection[str], status: str | None
) -> tuple[PlainPrompt, ...]:
    """Rows of any type as they are, newest first."""
    return tuple(
        PlainPrompt(
            row.id,
            row.text,
            row.prompt_type,
            row.status,
            row.artifact_status,
            row.output_reference,
            iso_moment(row.created_at),
            row.error_message,
        )
        for row in _newest_first(database)
        if (not prompt_types or row.prompt_type in prompt_types)
        and (status is None or row.status == status)
    )


def waiting_prompts(
    database: InMemoryDatabase, kind: Kind, now: datetime
) -> tuple[WaitingPrompt, ...]:
    """Pending prompts that have their writing, oldest first."""
    found = []
    for row in reversed(_newest_first(database)):
        ours = row.prompt_type == kind.prompt_type and row.status == "completed"
        writing = _writing(database, row)
        if not ours or row.artifact_status != "pending" or writing is None:
            continue
        last = _last(database, row.id)
        goes_on = last and (last.retry_at or last.outcome in {Outcome.RELEASED, Outcome.ABANDONED})
        waits = last and last.retry_at and last.retry_at > now
        found.append(
            WaitingPrompt(
                row.id,
                kind,
                row.text,
                iso_moment(row.created_at),
                writing,
                _iso(last.retry_at) if last and waits else None,
                last.failure.code.value if last and goes_on and last.failure else None,
            )
        )
    return tuple(found)


def failed_prompts(database: InMemoryDatabase) -> tuple[FailedPrompt, ...]:
    """Prompts of ours that ended in error, the last one first."""
    errors = [
        (_last(database, row.id), row)
        for row in _newest_first(database)
        if Kind.of_prompt_type(row.prompt_type)
        and (row.status, row.artifact_status) == ("completed", "error")
    ]
    errors.sort(key=lambda pair: _iso(pair[0].finished_at) or "" if pair[0] else "", reverse=True)
    return tuple(_failed(row, last) for last, row in errors)


def render_record(row: RenderRow) -> RenderRecord:
    """A render as the page tells of it."""
    return RenderRecord(
        row.render_id,
        row.prompt_id,
        row.kind,
        row.owner.host,
        row.owner.pid,
        _iso(row.claimed_at) or "",
        _iso(row.finished_at),
        row.outcome.value if row.outcome else None,
        row.failure.code.value if row.failure else None,
        row.failure.message if row.failure else None,
        row.seconds,
        row.attempt,
        row.crashes,
        _iso(row.retry_at),
    )


def _listed(database: InMemoryDatabase, row: PromptRow, count: int) -> ListedPrompt:
    last = _last(database, row.id)
    return ListedPrompt(
        row.id,
        row.kind,
        row.text,
        row.status,
        row.artifact_status,
        iso_moment(row.created_at),
        row.error_message,
        last.failure.code.value if last and last.failure else None,
        _writing(database, row),
        count,
    )


def _failed(row: PromptRow, last: RenderRow | None) -> FailedPrompt:
    failure = last.failure if last else None
    return FailedPrompt(
        row.id,
        row.kind,
        row.text,
        iso_moment(row.created_at),
        row.error_message,
        failure.code.value if failure else None,
        failure.message if failure else None,
        _iso(last.finished_at) if last and failure else None,
        last.attempt if last else 0,
    )


def _writing(database: InMemoryDatabase, row: PromptRow) -> Writing | None:
    reference = row.output_reference
    if reference is None or reference not in database.writings:
        return None
    return Writing(reference, database.writings[reference])


def _last(database: InMemoryDatabase, prompt_id: int) -> RenderRow | None:
    renders = [row for row in database.renders.values() if row.prompt_id == prompt_id]
    return max(renders, key=lambda row: row.render_id, default=None)


def _newest_first(database: InMemoryDatabase) -> list[PromptRow]:
    return sorted(database.prompts.values(), key=_age, reverse=True)


def _age(row: PromptRow) -> _Age:
    return _age_of(PromptPosition(row.created_at, row.id))


def _age_of(place: PromptPosition) -> _Age:
    """As text, what has no date before all others."""
    at = place.created_at
    text = at.encode("utf-8", "surrogateescape") if isinstance(at, str) else b""
    return at is not None, text, place.prompt_id


def _iso(moment: datetime | None) -> str | None:
    return iso_moment(moment.isoformat()) if moment else None
