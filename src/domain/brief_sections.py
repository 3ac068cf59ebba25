"""The sections of a song, in each of the shapes in which language models write them."""

from __future__ import annotations

from typing import Final

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief import Section
from domain.brief_song_text import (
    DEFAULT_TYPE,
    has_marker,
    names_parts_only,
    section_type,
    split_sections,
    tidy_lines,
)
from domain.brief_values import Json, Members, described, is_blank, number_text
from domain.failure import Failure, FailureCode

SOURCES: Final = ("structure", "sections", "lyrics")
_TYPE_NAMES = ("type", "section", "name", "label")
_TEXT_NAMES = ("lyrics", "lines", "text", "line", "content", "words")
# What is said about the song may stand among its sections; it is not sung.
_ABOUT = frozenset(
    {"title", "genre", "mood", "tempo", "metadata", "key", "time_signature", "vocal_style"}
    | {"instrumentation", "seed"}
)


def read_sections(document: Members) -> Result[tuple[Section, ...], Failure]:
    """The sections of a song; at least one of them has lyrics.

    The first of ``structure``, ``sections`` and ``lyrics`` that has any is taken.
    """
    for name in _in_order(document):
        if name in document.conflicts:
            return _incomplete(_twice(name))
        walk = _Walk()
        walk.source(name, document[name])
        if walk.conflict:
            return _incomplete(_twice(walk.conflict))
        if any(section.lyrics for section in walk.sections):
            return Success(tuple(walk.sections))
    return _incomplete(_why_none(document))


def _in_order(document: Members) -> list[str]:
    """The sources to try; a structure in plain words may be no more than a description."""
    present = [name for name in SOURCES if not is_blank(document.get(name))]
    return sorted(present, key=lambda name: name != "lyrics" and _is_plain(document[name]))


def _is_plain(value: Json) -> bool:
    return isinstance(value, str) and not has_marker(value)


class _Walk:
    """Collects sections from one source.

    Attributes:
        sections: in the order in which they are sung.
        conflict: the first name that comes twice with different lyrics, or "".
    """

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.conflict = ""

    def source(self, name: str, value: Json) -> None:
        """Take what stands under one of the sources' names."""
        if name == "lyrics" and _is_lines(value):
            self.sections += split_sections("\n".join(self._lines(value, name)))
        else:
            self._any(value, name)

    def _any(self, value: Json, path: str) -> None:
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, Members):
            self._object(value, path)
        elif isinstance(value, list):
            self._list(value, path)

    def _text(self, text: str) -> None:
        if names_parts_only(text) and not has_marker(text):
            self.sections.append(Section(section_type(text), ""))
        else:
            self.sections += split_sections(text)

    def _list(self, values: list[Json], path: str) -> None:
        if _is_lines(values):
            text = "\n".join(self._lines(values, path))
            if has_marker(text):
                self.sections += split_sections(text)
                return
        for index, value in enumerate(values):
            self._any(value, f"{path}[{index}]")

    def _object(self, place: Members, path: str, kind: str = DEFAULT_TYPE) -> None:
        inner = next((name for name in SOURCES[:2] if not is_blank(place.get(name))), None)
        if inner and isinstance(place[inner], list | dict):
            self._note_conflicts(place, (inner,), path)
            self._any(place[inner], f"{path}.{inner}")
        elif _is_section(place):
            self._section(place, path, kind)
        else:
            self._map(place, path)

    def _section(self, place: Members, path: str, kind: str) -> None:
        named = (place.get(name) for name in _TYPE_NAMES)
        written = next(
            (each for each in named if isinstance(each, str) and not is_blank(each)), kind
        )
        lyrics = tidy_lines("\n".join(self._lines(place, path)))
        self.sections.append(Section(section_type(written), lyrics))

    def _map(self, place: Members, path: str) -> None:
        """Sections by name: ``{"verse1": "...", "chorus": "..."}``."""
        names = [name for name in place if name.strip().lower() not in _ABOUT]
        self._note_conflicts(place, names, path)
        for name in names:
            value = place[name]
            inside = f"{path}.{name}"
            if isinstance(value, Members) and _is_section(value):
                self._section(value, inside, name)
            elif value is None or isinstance(value, str | list | dict):
                lyrics = tidy_lines("\n".join(self._lines(value, inside)))
                self.sections.append(Section(section_type(name), lyrics))

    def _lines(self, value: Json, path: str, *, listed: bool = False) -> list[str]:
        """Every text in a value; of a number only where other lines stand beside it."""
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [line for each in value for line in self._lines(each, path, listed=True)]
        if isinstance(value, Members):
            names = [name for name in _TEXT_NAMES if not is_blank(value.get(name))][:1]
            if not names and not _is_section(value):
                names = list(value)
            self._note_conflicts(value, names, path)
            return [line for name in names for line in self._lines(value[name], path)]
        number = number_text(value) if listed else None
        return [number] if number else []

    def _note_conflicts(
        self, place: Members, names: list[str] | tuple[str, ...], path: str
    ) -> None:
        for name in names:
            if name in place.conflicts and not self.conflict:
                self.conflict = f"{path}.{name}"


def _is_section(place: Members) -> bool:
    return any(name in place for name in (*_TYPE_NAMES, *_TEXT_NAMES))


def _is_lines(value: Json) -> bool:
    """Whether a value is text, or a list of lines, rather than sections."""
    if isinstance(value, list):
        return all(_is_line(each) for each in value)
    return isinstance(value, str)


def _is_line(value: Json) -> bool:
    if isinstance(value, Members):
        return not value.keys() & {*_TYPE_NAMES, "lyrics", "lines"} and _is_section(value)
    return not isinstance(value, list)


def _why_none(document: Members) -> str:
    name = next((name for name in SOURCES if not is_blank(document.get(name))), None)
    if name is None:
        name = next((name for name in SOURCES if name in document), None)
        if name is None:
            return "the field 'structure' is missing"
    if isinstance(document[name], list | dict | str) and not is_blank(document[name]):
        return f"no section in the field '{name}' has lyrics"
    found = described(document[name])
    return f"the field '{name}' must be a list of sections with lyrics, but is {found}"


def _twice(name: str) -> str:
    return f"the field '{name[:200]}' comes more than once, with different values"


def _incomplete(message: str) -> Result[tuple[Section, ...], Failure]:
    return Failed(Failure(FailureCode.BRIEF_INCOMPLETE, message))
