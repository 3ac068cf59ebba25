"""Prompts, their briefs and their renders as the API tells them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful

from domain.brief import Section
from domain.brief_parsing import parse_brief
from domain.failure import FailureCode
from domain.kind import Kind
from entrypoints.submitting.submission import short_title
from entrypoints.web.answers import iso

if TYPE_CHECKING:
    from application.ports.prompt_catalogue import RenderRecord
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.prompt import Writing

_LONGEST_RAW: Final = 200_000  # characters; a writing has a few thousand
_CODES: Final = frozenset(FailureCode)


def brief_document(brief: Brief) -> dict[str, object]:
    """A brief, field by field; a song with its lyrics as they are sung."""
    return {field.name: _plain(getattr(brief, field.name)) for field in fields(brief)}


def writing_document(kind: Kind, writing: Writing | None) -> dict[str, object]:
    """What a writing says, or why it says nothing, and the writing itself."""
    if writing is None:
        return {"brief": None, "brief_problem": None, "raw": None, "raw_truncated": False}
    parsed = parse_brief(kind, writing.content)
    good = is_successful(parsed)
    raw = _raw(writing.content)
    return {
        "brief": brief_document(parsed.unwrap()) if good else None,
        "brief_problem": None if good else failure_document(parsed.failure()),
        "raw": raw and raw[:_LONGEST_RAW],
        "raw_truncated": len(raw or "") > _LONGEST_RAW,
    }


def failure_document(failure: Failure) -> dict[str, object]:
    """A failure: its code, what happened, and what to do."""
    return {"code": failure.code.value, "message": failure.message, "hint": failure.hint}


def error_document(message: str | None, code: str | None = None) -> dict[str, object] | None:
    """What ``error_message`` says, taken apart where we wrote it.

    Args:
        message: of the column.
        code: of the failure of its last render, if there was one.
    """
    if not message:
        return None
    head, colon, rest = message.partition(":")
    if colon and head in _CODES:
        told, _, hint = rest.strip().rpartition("\nHint: ")
        known = FailureCode(head)
        return {"code": known.value, "message": told or hint, "hint": known.hint}
    hint_of_code = FailureCode(code).hint if code in _CODES else None
    return {"code": code, "message": message, "hint": hint_of_code}


def title_of(kind: Kind, text: str, writing: Writing | None) -> str:
    """A song's title, or the beginning of what was asked for."""
    if kind is Kind.AUDIO and writing is not None:
        parsed = parse_brief(kind, writing.content)
        if is_successful(parsed):
            title = getattr(parsed.unwrap(), "title", "")
            if title and title != "Untitled":
                return short_title(title)
    return short_title(text)


def render_document(render: RenderRecord) -> dict[str, object]:
    """One render in the history of a prompt."""
    return {
        "render_id": render.render_id,
        "claimed_at": iso(render.claimed_at),
        "finished_at": iso(render.finished_at),
        "outcome": render.outcome,
        "seconds": render.seconds,
        "failure_code": render.failure_code,
        "failure_message": render.failure_message,
        "attempt": render.attempt,
        "crashes": render.crashes,
        "retry_at": iso(render.retry_at),
        "worker": render.worker,
    }


def _plain(value: object) -> object:
    if isinstance(value, Section):
        return {"type": value.type, "lyrics": value.lyrics}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _raw(content: object) -> str | None:
    if content is None:
        return None
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
