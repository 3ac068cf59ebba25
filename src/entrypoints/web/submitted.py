"""What a form sent, field by field: what is wrong with it, and the writing that it becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from returns.pipeline import is_successful

from domain.brief_parsing import parse_brief
from domain.kind import Kind
from entrypoints.submitting.documents import image_document, song_document
from entrypoints.submitting.submission import submission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from application.ports.prompt_intake import Submission
    from domain.brief import Brief

    Complaint = Callable[[object], str]

LONGEST_TEXT: Final = 50_000  # characters of a prompt, or of lyrics
_LONGEST_LINE: Final = 500
_MOST_WORDS: Final = 100
_LARGEST_SEED: Final = 2**64 - 1
_LARGEST_SIDE: Final = 16_384  # pixels


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a form.

    Attributes:
        problems: what is wrong, by the name of the field; empty when it can be submitted.
        brief: how it is understood, or None.
        submission: what would come into the queue, or None.
    """

    problems: Mapping[str, str] = field(default_factory=dict)
    brief: Brief | None = None
    submission: Submission | None = None


def understood(body: Mapping[str, Any]) -> Submitted:
    """Check every field, and then the brief as a whole."""
    named = body.get("kind")
    if not isinstance(named, str) or named not in set(Kind):
        return Submitted({"kind": "must be image or audio"})
    kind = Kind(named)
    given = {name: value for name, value in body.items() if value not in (None, "", [])}
    known = _FIELDS[kind]
    problems = dict.fromkeys(set(given) - set(known), f"is no field of an {kind.value} prompt")
    for name, complaint in known.items():
        if name in given and (told := complaint(given[name])):
            problems[name] = told
    main = "prompt" if kind is Kind.IMAGE else "lyrics"
    if not set(given) & {main, "structure" if kind is Kind.AUDIO else main}:
        problems.setdefault(main, "is missing")
    if problems:
        return Submitted(problems)
    content = _image(given) if kind is Kind.IMAGE else _song(given)
    parsed = parse_brief(kind, content)
    if not is_successful(parsed):
        return Submitted({main: parsed.failure().message})
    brief = parsed.unwrap()
    return Submitted({}, brief, submission(kind, brief, content, given.get("text")))


def _image(given: Mapping[str, Any]) -> str:
    document = json.loads(image_document(_Absent(given)))
    technical = document.get("technical_params", {}) | _some(given, "quality")
    composition = _some(given, "subject", "background", "lighting")
    return _written(document, technical_params=technical, composition=composition)


def _song(given: Mapping[str, Any]) -> str:
    document = json.loads(song_document(_Absent({"lyrics": "", **given})))
    return _written(document, structure=given.get("structure") or document["structure"])


def _written(document: dict[str, Any], **further: object) -> str:
    filled = {name: value for name, value in further.items() if value}
    return json.dumps(document | filled, ensure_ascii=False, indent=1)


def _some(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


class _Absent(dict[str, Any]):
    """Every field that was left out is None."""

    def __missing__(self, name: str) -> None:
        return None


def _text(longest: int) -> Complaint:
    def complaint(value: object) -> str:
        if not isinstance(value, str):
            return "must be a text"
        if not value.strip():
            return "is blank"
        return _unsound(value) or (
            f"is longer than {longest} characters" if len(value) > longest else ""
        )

    return complaint


def _unsound(value: str) -> str:
    if "\0" in value:
        return "holds a NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds half a character"
    return ""


def _number(least: int, largest: int) -> Complaint:
    def complaint(value: object) -> str:
        right = isinstance(value, int) and not isinstance(value, bool)
        if not right or not least <= int(str(value)) <= largest:
            return f"must be a whole number from {least} to {largest}"
        return ""

    return complaint


def _words(value: object) -> str:
    line = _text(_LONGEST_LINE)
    if not isinstance(value, list) or any(line(item) for item in value):
        return "must be a list of words"
    return f"holds more than {_MOST_WORDS} words" if len(value) > _MOST_WORDS else ""


def _sections(value: object) -> str:
    right = isinstance(value, list) and all(
        isinstance(item, dict) and all(isinstance(part, str | int) for part in item.values())
        for item in value
    )
    if not right:
        return 'must be a list of sections, such as {"type": "verse", "lyrics": "..."}'
    size = len(json.dumps(value))
    return f"is longer than {LONGEST_TEXT} characters" if size > LONGEST_TEXT else ""


_LINE: Final = _text(_LONGEST_LINE)
_ANY: Final[dict[str, Complaint]] = {
    "kind": lambda _: "",
    "text": _text(LONGEST_TEXT),
    "mood": _LINE,
    "seed": _number(0, _LARGEST_SEED),
}
_FIELDS: Final[dict[Kind, dict[str, Complaint]]] = {
    Kind.IMAGE: {
        **_ANY,
        "prompt": _text(LONGEST_TEXT),
        "negative_prompt": _text(LONGEST_TEXT),
        "style_tags": _words,
        **dict.fromkeys(("aspect_ratio", "quality", "subject", "background", "lighting"), _LINE),
        **dict.fromkeys(("width", "height"), _number(1, _LARGEST_SIDE)),
    },
    Kind.AUDIO: {
        **_ANY,
        "lyrics": _text(LONGEST_TEXT),
        "structure": _sections,
        **dict.fromkeys(("title", "genre", "tempo", "key", "time_signature", "vocal_style"), _LINE),
        "instrumentation": _words,
    },
}
