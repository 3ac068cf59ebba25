"""A brief in readable form."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from domain.brief import LyricsBrief, Section
from domain.brief_parsing import parse_brief
from domain.failure import Failure
from entrypoints.cli.printable import lines_of, one_line, table

if TYPE_CHECKING:
    from application.ports.prompt_catalogue import PromptRecord
    from domain.brief import Brief


def understood(record: PromptRecord) -> Brief | Failure | None:
    """The brief, or why there is none; None while there is no writing."""
    if record.writing is None:
        return None
    parsed = parse_brief(record.prompt.kind, record.writing.content)
    return parsed.unwrap() if is_successful(parsed) else parsed.failure()


def brief_lines(brief: Brief | Failure | None) -> list[str]:
    """The brief for people: what it names, field by field; lyrics as they are sung."""
    if brief is None:
        return ["(not written yet: the Poets Service adds the writing)"]
    if isinstance(brief, Failure):
        return [
            f"it cannot be understood: {one_line(brief.message)}",
            f"hint: {brief.hint}",
        ]
    named = brief_document(brief)
    named.pop("sections", None)
    rows = [(name, _words(value)) for name, value in named.items() if value not in (None, "", [])]
    return table(rows) + (_song_lines(brief) if isinstance(brief, LyricsBrief) else [])


def brief_document(brief: Brief) -> dict[str, object]:
    """The brief for JSON, field by field."""
    return {field.name: _plain(getattr(brief, field.name)) for field in fields(brief)}


def _song_lines(brief: LyricsBrief) -> list[str]:
    lines: list[str] = []
    for section in brief.sections:
        lines += ["", f"[{one_line(section.type)}]", *lines_of(section.lyrics)]
    return lines


def _plain(value: object) -> object:
    if isinstance(value, Section):
        return {"type": value.type, "lyrics": value.lyrics}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _words(value: object) -> str:
    return one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value))
