"""From a JSON object to the brief of a song (contract, section 2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from domain import brief_fields as fields
from domain.brief import LyricsBrief, Section
from domain.brief_duration import duration
from domain.brief_sections import read_sections

if TYPE_CHECKING:
    from returns.result import Result

    from domain.brief_values import Members
    from domain.failure import Failure

_LENGTHS: Final = ("duration_seconds", "seconds", "duration")


def read_lyrics(document: Members) -> Result[LyricsBrief, Failure]:
    """The song that an object asks for; only one section with lyrics is required."""
    return read_sections(document).map(partial(_song, document))


def _song(document: Members, sections: tuple[Section, ...]) -> LyricsBrief:
    metadata = fields.member(document, "metadata")
    outside, inside = (document, metadata), (metadata, document)
    return LyricsBrief(
        sections=sections,
        title=fields.first(outside, "title", fields.line) or "Untitled",
        genre=fields.first(outside, "genre", fields.line) or "",
        mood=fields.first(outside, "mood", fields.line) or "",
        tempo=fields.first(outside, "tempo", fields.measure) or "",
        key=fields.first(inside, "key", fields.line) or "",
        time_signature=fields.first(inside, "time_signature", fields.line) or "",
        vocal_style=fields.first(inside, "vocal_style", fields.line) or "",
        instrumentation=fields.first(inside, "instrumentation", fields.words) or (),
        seconds=_seconds(outside),
        seed=fields.first(inside, "seed", fields.seed),
    )


def _seconds(places: tuple[Members, Members]) -> float | None:
    """A song's length under any of its names; one that names its unit comes first."""
    lengths = (fields.first(places, name, duration) for name in _LENGTHS)
    return next((length for length in lengths if length is not None), None)
