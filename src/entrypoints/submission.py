"""From what a person typed to a prompt and its writing, for the command line and the page."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful

from application.ports.intake import Submission, SubmitRequest
from domain.brief import BRIEF_FIELDS, ImageBrief, Section
from domain.brief_parser import parse_brief
from domain.song_text import read_song_text, sung_sections
from domain.variation import (
    MAX_VARIATIONS,
    SEED,
    Axis,
    VariationError,
    caption,
    check_label,
    grid,
    label_of,
    place_of,
    shown,
    with_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from domain.brief import Brief
    from domain.prompt import Kind

MAX_KEY_LENGTH: Final = 255  # characters of the key of a submission
_MAX_TITLE_LENGTH: Final = 80  # characters
# New seeds are below this: every sampler takes them, and torch 2.13.0 makes the noise that a
# picture begins with from these bits alone, so that larger ones have a twin among them.
_SEEDS: Final = 2**32


def writing_json(kind: Kind, values: Mapping[str, object]) -> str:
    """The JSON text of a writing for one picture or song.

    Args:
        kind: the media kind to submit.
        values: values by field; values that are None or empty are left out. A song's sections
            are ``structure``, which replaces its lyrics; ``members`` are other members of the
            JSON, over which the fields count.
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
    members = values.get("members")
    if isinstance(members, dict):
        for name, value in members.items():
            if isinstance(value, dict) and name not in document:
                inner[name] = value | inner.get(name, {})
            else:
                document.setdefault(name, value)
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


def vary(
    submission: Submission, brief: Brief, axes: Sequence[Axis], label: str = ""
) -> tuple[Submission, ...]:
    """Prompts like another one, which differ in what is varied, under a common label.

    Where the seed is neither varied nor in the brief, all of them get the same one, so that they
    differ in nothing else.

    Args:
        submission: the prompt; its own label counts if it has one.
        brief: of that prompt, as it was understood.
        axes: what is varied; empty for the prompt itself.
        label: of the prompts; "" for one that is made up.

    Raises:
        VariationError: it cannot be varied like this.
    """
    label = check_label(label) if label else submission.label
    if not axes:
        return (replace(submission, label=label),)
    cells = grid(axes)
    kind = brief.kind
    document = _document(submission, brief)
    if (
        brief.seed is None
        and not {SEED, ".".join(map(str, place_of(kind, SEED)))} & cells[0].keys()
    ):
        document = with_values(kind, document, {SEED: new_seed()})
    label = label or label_of(submission.title, secrets.token_hex(2))
    # A text that is the prompt itself stays that where the prompt is varied.
    is_own_text = submission.text != make_submission(kind, brief, "", None).text
    return tuple(
        _varied(submission, document, varied, label, submission.text if is_own_text else None)
        for varied in cells
    )


def notes_on(submissions: Iterable[Submission]) -> tuple[str, ...]:
    """What the briefs of prompts leave out of their writings, each note once."""
    notes: dict[str, None] = {}
    for submission in submissions:
        parsed = parse_brief(submission.kind, submission.content)
        if is_successful(parsed):
            notes |= dict.fromkeys(parsed.unwrap().notes)
    return tuple(notes)


def new_seed() -> int:
    """A seed by chance."""
    return secrets.randbelow(_SEEDS)


def variation_axes(
    axes: Iterable[Axis], seeds: Sequence[int] = (), variations: int | None = None
) -> list[Axis]:
    """What is varied: the axes, and behind them the seed if seeds or a number of them are given.

    Raises:
        VariationError: seeds and a number are given, or there are too many.
    """
    if seeds and variations is not None:
        raise VariationError("give either seeds or a number of variations, not both")
    if variations is not None:
        if not 1 <= variations <= MAX_VARIATIONS:
            message = f"the number of variations must be from 1 to {MAX_VARIATIONS:,}"
            raise VariationError(message)
        chosen: dict[int, None] = {}
        while len(chosen) < variations:
            chosen[new_seed()] = None
        seeds = tuple(chosen)
    return [*axes, *([Axis(SEED, tuple(seeds))] if seeds else [])]


def _document(submission: Submission, brief: Brief) -> dict[str, object]:
    """The JSON object of a brief as it was written; as it was read if there is more around it."""
    with suppress(ValueError, RecursionError):
        document = json.loads(submission.content, strict=False)
        if isinstance(document, dict):
            again = parse_brief(brief.kind, json.dumps(document))
            if is_successful(again) and again.unwrap() == brief:
                return document
    return dict(brief.document)


def _varied(
    submission: Submission,
    document: Mapping[str, object],
    varied: Mapping[str, object],
    label: str,
    text: str | None,
) -> Submission:
    """One cell of a grid. Raises VariationError if a value is not understood."""
    kind = submission.kind
    content = json.dumps(with_values(kind, document, varied), ensure_ascii=False, indent=1)
    parsed = parse_brief(kind, content)
    if not is_successful(parsed):
        raise VariationError(f"with {caption(varied)}: {parsed.failure().message}")
    brief = parsed.unwrap()
    for field in BRIEF_FIELDS[kind]:
        value = varied.get(field.name)
        is_given = value not in (None, "", []) and bool(field.names)
        if is_given and not getattr(brief, field.name):
            raise VariationError(f"{shown(value)} is no {field.name.replace('_', ' ')}")
    made = make_submission(kind, brief, content, text)
    return replace(
        submission,
        text=made.text,
        content=content,
        title=made.title,
        label=label,
        varied=dict(varied),
    )


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
