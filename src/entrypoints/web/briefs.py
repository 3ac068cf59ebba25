"""Briefs, writings and problems of prompts, in the form in which several answers show them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import msgspec
from msgspec import Meta
from returns.pipeline import is_successful

from domain.brief import BRIEF_FIELDS, BRIEF_TYPES
from domain.brief_parser import parse_brief
from domain.brief_paths import without_taken_notes
from domain.failure import FailureCode
from domain.prompt import Kind
from entrypoints.submission import brief_document, short_title
from entrypoints.web.json_responses import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from returns.result import Result

    from domain.brief import Brief
    from domain.brief_paths import BriefPath
    from domain.failure import Failure
    from domain.prompt import Writing

MAX_RAW: Final = 200_000  # characters; a writing has a few thousand
_CODES: Final = frozenset(FailureCode)


class Problem(Document):
    """What went wrong with a prompt, and what to do about it."""

    code: str | None
    message: str
    hint: str | None


class Section(Document):
    """One part of a song."""

    type: Annotated[str, Meta(description="such as verse")]
    lyrics: str


def _brief_struct(kind: Kind, summary: str) -> type[msgspec.Struct]:
    """A Struct with the fields of a brief; their types and descriptions are those of the domain."""
    descriptions = {field.name: field.about for field in BRIEF_FIELDS[kind]} | {
        "sections": "parts of the song, in order",
        "notes": "parts of the writing that the brief ignores, for people",
    }
    brief = BRIEF_TYPES[kind]
    types = get_type_hints(brief) | {"sections": tuple[Section, ...]}
    return msgspec.defstruct(
        brief.__name__,
        [
            (field.name, Annotated[types[field.name], Meta(description=descriptions[field.name])])
            for field in fields(brief)
            if field.repr  # without the JSON that it was read from
        ],
        bases=(Document,),
        namespace={"__doc__": summary},
    )


ImageBrief: Final = _brief_struct(Kind.IMAGE, "An image, as a writing describes it.")
LyricsBrief: Final = _brief_struct(Kind.AUDIO, "A song, as a writing describes it.")
BRIEF_STRUCTS: Final = {Kind.IMAGE: ImageBrief, Kind.AUDIO: LyricsBrief}

# msgspec allows no union of Structs without a tag, and the API's briefs have none.
BriefOrNull = Annotated[
    Any,
    Meta(
        description="The writing as it was understood.",
        extra_json_schema={
            "anyOf": [
                *({"$ref": f"#/components/schemas/{s.__name__}"} for s in BRIEF_STRUCTS.values()),
                {"type": "null"},
            ]
        },
    ),
]


class WrittenBrief(Document):
    """Base of answers that show a writing."""

    brief: BriefOrNull
    brief_problem: Annotated[
        Problem | None, Meta(description="why the writing could not be understood")
    ]
    raw: Annotated[
        str | None, Meta(description=f"the writing itself, at most {MAX_RAW:,} characters")
    ]
    raw_truncated: bool


def show_brief(brief: Brief, taken: Iterable[BriefPath]) -> msgspec.Struct:
    """A brief as the API shows it, without notes on what workflows and rules use."""
    known = without_taken_notes(brief, lambda: taken)
    return msgspec.convert(brief_document(known), BRIEF_STRUCTS[brief.kind])


def written_brief(kind: Kind, writing: Writing | None, taken: Iterable[BriefPath]) -> WrittenBrief:
    """A writing, and its brief or the reason why there is none; all None without a writing.

    Args:
        kind: the kind of its prompt.
        writing: the writing.
        taken: the paths of its JSON that workflows and rules use.
    """
    if writing is None:
        return WrittenBrief(None, None, None, raw_truncated=False)
    content = writing.content
    raw = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    text = None if raw is None else str(raw)
    parsed = parse_brief(kind, content)
    return WrittenBrief(
        brief=show_brief(parsed.unwrap(), taken) if is_successful(parsed) else None,
        brief_problem=_problem(parsed),
        raw=text and text[:MAX_RAW],
        raw_truncated=len(text or "") > MAX_RAW,
    )


def brief_problem(kind: Kind, writing: Writing) -> Problem | None:
    """Why a writing could not be understood."""
    return _problem(parse_brief(kind, writing.content))


def _problem(parsed: Result[Brief, Failure]) -> Problem | None:
    if is_successful(parsed):
        return None
    failure = parsed.failure()
    return Problem(failure.code.value, failure.message, failure.hint)


def explain_error(message: str | None, code: str | None = None) -> Problem | None:
    """The problem that ``prompts.error_message`` states; its parts where we wrote it.

    Args:
        message: content of the column.
        code: failure code of the prompt's last render, if that failed.
    """
    if not message:
        return None
    head, colon, rest = message.partition(":")
    if colon and head in _CODES:
        text, _, hint = rest.strip().rpartition("\nHint: ")
        known = FailureCode(head)
        return Problem(known.value, text or hint, known.hint)
    return Problem(code, message, FailureCode(code).hint if code in _CODES else None)


def title_of(kind: Kind, text: str, writing: Writing | None) -> str:
    """The title of a song, or the beginning of the prompt text."""
    if kind is Kind.AUDIO and writing is not None:
        parsed = parse_brief(kind, writing.content)
        if is_successful(parsed):
            title = getattr(parsed.unwrap(), "title", "")
            if title and title != "Untitled":
                return short_title(title)
    return short_title(text)
