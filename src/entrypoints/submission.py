"""From what a person typed to a prompt and its writing, for the command line and the page."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from application.ports.database import Submission, SubmitRequest
from domain.brief import BRIEF_FIELDS, ImageBrief, Section
from domain.song_text import read_song_text, sung_sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.brief import Brief
    from domain.prompt import Kind

MAX_KEY_LENGTH: Final = 255  # characters of the key of a submission
_MAX_TITLE_LENGTH: Final = 80  # characters


def writing_json(kind: Kind, values: Mapping[str, object]) -> str:
    """The JSON text of a writing for one picture or song.

    Args:
        kind: the media kind to submit.
        values: values by field; values that are None or empty are left out. A song's sections
            are ``structure``, which replaces its lyrics.
    """
    document: dict[str, object] = {}
    inner: dict[str, dict[str, object]] = {}
    for field in BRIEF_FIELDS[kind]:
        value = values.get(field.name)
        if not field.names or value is None or value in ("", (), []):
            continue
        if field.name == "lyrics":
            document |= _lyrics(str(value))
        elif field.objects and field.objects[0]:
            inner.setdefault(field.objects[0], {})[field.names[0]] = value
        else:
            document[field.names[0]] = value
    if values.get("structure"):
        document["structure"] = values["structure"]
    return json.dumps(document | inner, ensure_ascii=False, indent=1)


def brief_document(brief: Brief) -> dict[str, object]:
    """A brief as JSON values, field by field; a song with its lyrics as they are sung."""

    def document(value: object) -> object:
        if isinstance(value, Section):
            return {"type": value.type, "lyrics": value.lyrics}
        return [document(item) for item in value] if isinstance(value, tuple) else value

    shown = (field.name for field in fields(brief) if field.repr)  # without the JSON behind it
    return {name: document(getattr(brief, name)) for name in shown}


def make_submission(kind: Kind, brief: Brief, content: str, text: str | None) -> Submission:
    """The prompt and writing that enter the queue.

    Args:
        kind: the media kind to submit.
        brief: the brief that was parsed from the writing.
        content: the writing, JSON text.
        text: the text of the prompt; None for the brief's own prompt, or the song's title.
    """
    if isinstance(brief, ImageBrief):
        summary = brief.prompt
    else:
        summary = brief.title
        if summary == "Untitled":
            lines = "\n".join(section.lyrics for section in brief.sections).splitlines()
            summary = next((line.strip() for line in lines if line.strip()), summary)
    return Submission(kind, text or summary, content, short_title(summary))


def vary(brief: Brief, seed: int, text: str) -> Submission:
    """A prompt like an earlier one, with another seed.

    Args:
        brief: of the earlier prompt, as it was understood.
        seed: replaces the brief's own.
        text: the text of the earlier prompt, which the new one gets too.
    """
    document = brief_document(brief)
    values = document | {"seed": seed, "structure": document.get("sections")}
    return make_submission(brief.kind, brief, writing_json(brief.kind, values), text)


def named_request(key: str, content: object) -> SubmitRequest:
    """A submission under a key that its program chose.

    Args:
        key: 1 to ``MAX_KEY_LENGTH`` characters.
        content: what is submitted, as JSON values; a repetition must be the same.
    """
    import hashlib

    text = json.dumps(content, sort_keys=True)
    return SubmitRequest(key, hashlib.sha256(text.encode()).hexdigest())


def short_title(text: str) -> str:
    """The text on one line of 80 characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_TITLE_LENGTH else line[: _MAX_TITLE_LENGTH - 1] + "…"


def _lyrics(lyrics: str) -> dict[str, object]:
    """The sections of lyrics with marks; lyrics that hold more than that stay one text.

    So the brief can name the parts that are not sung.
    """
    read = read_song_text(lyrics)
    sections, omitted = sung_sections(read.parts)
    if read.unsung or omitted:
        return {"lyrics": lyrics}
    return {
        "structure": [
            {"type": section.type.lower(), "lyrics": section.lyrics} for section in sections
        ]
    }
