"""From a JSON object to the brief of a song (contract, section 2).

The words are searched in this order:

1. ``structure`` or another name for sections, if it holds words under a name for words
   (``lyrics``, ``lines``), as in the contract. If ``lyrics`` beside it holds all of these lines and
   more, the structure is an extract, and ``lyrics`` is sung.
2. ``lyrics`` or another name for words, in any shape. A structure beside it is an outline.
3. ``structure`` in looser shapes: ``{"verse 1": "..."}``, ``["verse", "..."]``, ``text`` instead of
   ``lyrics``, text with marks on lines of their own.
4. Parts of a song among the other fields (``{"title": "...", "verse": "...", "chorus": "..."}``),
   or a text with marks under ``text`` or ``content``.

A description is never sung: if a text may be one, the brief is refused with the reason.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief import LyricsBrief
from domain.brief_values import (
    Members,
    described,
    is_blank,
    note,
    notes_on_members,
    read_fields,
)
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.song_labels import DEFAULT_TYPE, names_verse
from domain.song_sections import STRUCTURES, SectionReader, section_names, written_name
from domain.song_text import read_song_text, sung_sections

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXTS: Final = ("lyrics", "lyric", "song_lyrics", "full_lyrics", "lyrics_text", "words")
_OUTLINES: Final = ("outline", "arrangement", "form", "song_form")  # sung by the first rule only
_LOOSE_TEXTS: Final = ("text", "content", "body", "song", "song_text")
_QUOTES: Final = "\"“”„«»*_' "
SOURCES: Final = (*STRUCTURES, *_TEXTS)


def read_song(document: Members) -> Result[LyricsBrief, Failure]:
    """The brief of a song in an object; only one section with lyrics is required."""
    source = _chosen(document)
    if source and source.problem:
        return _incomplete(source.problem)
    if source and source.described and not source.sure:
        return _incomplete(f"{_why_none(document)}: it seems to describe the song")
    if source is None or not source.usable:
        return _incomplete(_why_none(document))
    return Success(source).map(partial(_song, document))


def _song(document: Members, source: _Source) -> LyricsBrief:
    read = read_fields(Kind.AUDIO, document)
    source.leave_out_title(read.values.get("title", ""))
    sections, omitted = sung_sections(source.parts)
    notes = (
        note("not sung", source.unsung),
        note("not repeated, the song would be too long", omitted),
        *notes_on_members(Kind.AUDIO, document, read, source.names),
    )
    return LyricsBrief(
        sections=tuple(sections),
        notes=tuple(filter(None, notes)),
        document=document,
        **read.values,
    )


class _Source(SectionReader):
    """The parts of a song under one name.

    Attributes:
        names: of the fields that are used.
    """

    def __init__(self, name: str, *, outline: bool = False) -> None:
        super().__init__(outline=outline)
        self.names = {name}

    @classmethod
    def of(cls, document: Members, name: str, *, outline: bool = False) -> _Source:
        """Read the field with a name."""
        source = cls(name, outline=outline)
        source.note_conflicts(document, (name,), "")
        source.value(document[name], name)
        return source

    def leave_out_title(self, title: str) -> None:
        """Leave out a title that stands above the first mark like a line of the song.

        Args:
            title: of the song, if the writing names it elsewhere; otherwise only a line in
                quotation marks is known to be one.
        """
        if len(self.parts) < 2 or not any(part.marked for part in self.parts[1:]):  # noqa: PLR2004
            return
        line = self.parts[0].words
        is_title = line.strip(_QUOTES).casefold() == title.strip(_QUOTES).casefold()
        is_quoted = line[:1] in _QUOTES and line[-1:] in _QUOTES and "\n" not in line
        if self.parts[0].type == DEFAULT_TYPE and line and (is_title or is_quoted):
            del self.parts[0]
            self.unsung.append(line)


def _chosen(document: Members) -> _Source | None:
    """The source to sing, or the one with the most helpful problem; None if there is none."""

    def read(names: Iterable[str], *, outline: bool) -> dict[str, _Source]:
        present = [name for name in names if not is_blank(document.get(name))]
        return {name: _Source.of(document, name, outline=outline) for name in present}

    structures, texts = read(STRUCTURES, outline=True), read(_TEXTS, outline=False)
    sources = structures | texts | read(_OUTLINES, outline=True)
    structure = next((source for source in sources.values() if source.sure and source.usable), None)
    text = next((source for source in texts.values() if source.usable), None)
    text = text or next(iter(texts.values()), None)
    if structure and text and text.usable and structure.lines < text.lines:
        structure = None
    conflicting = (source for name, source in sources.items() if name in document.conflicts)
    chosen = next(conflicting, None) or structure or text
    if chosen is None:
        loose = [*structures.values(), *_among_fields(document)]
        usable = (source for source in loose if source.usable and not source.described)
        chosen = next(usable, next(iter(loose), None))
    if chosen:
        for name, source in sources.items():
            if source is not chosen:
                chosen.names.add(name)
                chosen.unsung += [] if source.usable and source.lines <= chosen.lines else [name]
    return chosen


def _among_fields(document: Members) -> list[_Source]:
    sources: list[_Source] = []
    parts = Members()
    for name in section_names(document):
        parts.put(name, document[name])
        parts.written[name] = document.written.get(name, name)
    parts.conflicts = document.conflicts & parts.keys()
    if any(names_verse(written_name(document, name)) for name in parts):
        source = _Source("")
        source.map(parts, "")
        source.names |= parts.keys()
        sources.append(source)
    for name in _LOOSE_TEXTS:
        text = document.get(name)
        if isinstance(text, str) and any(part.marked for part in read_song_text(text).parts):
            sources.append(_Source.of(document, name))
    return sources


def _why_none(document: Members) -> str:
    present = [name for name in (*_TEXTS, *STRUCTURES) if name in document]
    if not present:
        return "the field 'structure' is missing"
    name = min(present, key=lambda name: is_blank(document[name]))
    if isinstance(document[name], list | dict | str) and not is_blank(document[name]):
        return f"no section in the field '{name}' has lyrics"
    return (
        f"the field '{name}' must be a list of sections with lyrics, but is"
        f" {described(document[name])}"
    )


def _incomplete(message: str) -> Result[LyricsBrief, Failure]:
    return Failed(Failure(FailureCode.BRIEF_INCOMPLETE, message))
