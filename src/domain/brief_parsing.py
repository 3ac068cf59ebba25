"""From what a writing holds to a brief: total, tolerant, and never by guessing."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief_image import read_image
from domain.brief_json import MOST_OBJECTS, find_json
from domain.brief_json_reader import Allowance
from domain.brief_lyrics import read_lyrics
from domain.brief_soundness import sound
from domain.brief_text import Content, text_of_content
from domain.brief_wrapping import documents, is_meant
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.brief import Brief
    from domain.brief_values import Members

_READERS: Final[dict[Kind, Callable[[Members], Result[Brief, Failure]]]] = {
    Kind.IMAGE: lambda document: read_image(document).bind(sound),
    Kind.AUDIO: lambda document: read_lyrics(document).bind(sound),
}


def parse_brief(kind: Kind, content: Content) -> Result[Brief, Failure]:
    """What a writing asks for (contract, section 2), or why that cannot be made out.

    It never raises, and its time is linear in the length of the content. Every text in the brief
    can be encoded as UTF-8 and is free of NUL; an image's prompt is not blank, and at least one
    section of a song has lyrics.

    Args:
        kind: what the prompt asks for.
        content: as ``writings.content`` holds it; what was not UTF-8 stands in ``str`` as lone
            surrogates (Python's ``surrogateescape``).
    """
    return text_of_content(content).bind(partial(_brief_of_text, kind))


def _brief_of_text(kind: Kind, text: str) -> Result[Brief, Failure]:
    allowance = Allowance()
    findings = find_json(text, allowance)
    candidates = (each for value in findings.values for each in documents(kind, value, allowance))
    found = list(islice(candidates, MOST_OBJECTS + 1))
    if len(found) > MOST_OBJECTS:
        return _not_json(f"the writing holds more than {MOST_OBJECTS:,} objects; keep one")
    # Where nothing is usable, the object that was meant as the brief explains more than others.
    found.sort(key=lambda document: not is_meant(kind, document))
    outcomes = [_READERS[kind](document) for document in found]
    usable = [outcome.unwrap() for outcome in outcomes if is_successful(outcome)]
    if any(brief != usable[0] for brief in usable[1:]):
        return _not_json("the writing is ambiguous: it holds several different briefs; keep one")
    if usable:
        return Success(usable[0])
    if findings.trouble or not outcomes:
        return _not_json(findings.trouble or "no object in the writing can be a brief")
    return outcomes[0]


def _not_json(message: str) -> Result[Brief, Failure]:
    return Failed(Failure(FailureCode.BRIEF_NOT_JSON, message))
