"""The sections of a song in JSON values, in every shape in which language models write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeGuard

from domain.brief import WRITTEN_NAMES
from domain.brief_values import Json, Members, is_blank, number_text
from domain.prompt import Kind
from domain.song_labels import (
    DEFAULT_TYPE,
    asks_for_repeat,
    is_direction,
    is_played,
    names_verse,
    read_label,
    read_plain_label,
    section_type,
)
from domain.song_text import (
    Part,
    line_breaks,
    part_of,
    read_song_text,
    tidy_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.song_text import SongText

STRUCTURES: Final = ("structure", "sections", "song_structure", "song_sections", "parts")
"""Names under which a song holds its sections."""

_WORDS: Final = (
    "lyrics",
    "section_lyrics",
    "lyric",
    "lines",
    "line",
    "words",
    "lyrics_text",
    "lyric_text",
    "lyric_lines",
)
# These hold descriptions, too.
_LOOSE_WORDS: Final = ("text", "full_text", "full", "content", "body")
_TYPES: Final = ("type", "section_type", "section", "section_name", "part", "name", "label")
# The values of these count only if they name a part of a song.
_LOOSE_TYPES: Final = ("part_type", "part_name", "kind", "title", "heading", "header", "tag", "id")
_NO_TYPES: Final = frozenset({"song", "lyrics", "section", "text", "line", "lyric"})
_SINGERS: Final = frozenset({"singer", "singers", "speaker", "voice", "vocalist", "sung_by"})
_NUMBERING: Final = frozenset({"number", "index", "order", "position", *_TYPES, *_LOOSE_TYPES})
_DETAILS: Final = WRITTEN_NAMES[Kind.AUDIO] | frozenset(
    (
        *("subtitle", "song_title", "name", "artist", "author", "composer", "writer", "songwriter"),
        *("album", "year", "copyright", "credits", "genres", "subgenre", "bpm", "meter", "vocals"),
        *("vocal", "instruments", "instrument", "language", "lang", "theme", "themes", "topic"),
        *("subject", "style", "styles", "notes", "note", "comment", "comments", "summary"),
        *("description", "explanation", "purpose", "message", "metadata", "meta", "tags"),
        *("keywords", "length", "bars", "measures", "chords", "chord_progression", "progression"),
        *("melody", "harmony", "dynamics", "energy", "emotion", "emotions", "feel", "feeling"),
        *("tone", "rhyme_scheme", "syllables", "production", "production_notes", "vocal_notes"),
        *("performance_notes", "musical_notes", "stage_directions", "direction", "directions"),
        *("repeat", "repeats", "times", "count", "line_count", "word_count", "start", "start_time"),
        *("end_time", "timestamp", "time", "timing", "character", "performer", "role", "rating"),
        *("explicit", "content_type", "version", "model", "date", "created_at", "audience"),
        *("inspiration", "influences", "context", "setting", "reasoning", "rationale", "format"),
        *("structure", "sections", "outline", "arrangement", "form", *_NUMBERING, *_SINGERS),
    )
)
_DESCRIPTIONS: Final = frozenset({"description", "summary", "purpose", "explanation", "theme"})
_OF_A_SONG: Final = frozenset({"structure", "sections", "title", "genre", "metadata"})

_LINE_NAME = re.compile(r"(?:line|l|row)?_?[0-9]{1,3}")
_NO_WORDS = re.compile(
    r"[-–—/.\s]*|[0-9]{1,3}|[(\[]?(?:none|null|n/?a|tbd|no (?:lyrics|words|vocals)"
    r"|see (?:the )?(?:lyrics|above|below))[)\]]?\.?",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"~?[0-9]{1,3}(?: ?(?:-|–|to) ?[0-9]{1,3})?[ -]?"
    r"(?:bars?|lines?|measures?|beats?|seconds?|secs?|s|minutes?|mins?)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-–—•*]|[0-9]{1,2}[.)])\s", re.MULTILINE)
_SUFFIX = re.compile(r"(?i)[ -](?:lyrics|text|words|lines)$")  # of "verse 1 lyrics"
_PLURAL = re.compile(r"(?i)\b(verse|bridge|refrain|hook|chorus(?=es))(?:es|s)$")


def is_section(value: Json) -> bool:
    """Whether a value is a part of a song rather than a whole song."""
    if not isinstance(value, Members) or not _OF_A_SONG.isdisjoint(value):
        return False
    return not is_blank(value.get("type")) or _holds_sections(value)


def section_names(members: Members) -> list[str]:
    """The names in an object that name a part of a song and may hold its words, in order."""
    return [
        name
        for name, value in members.items()
        if name not in _DETAILS
        and isinstance(value, str | list | dict | None)
        and read_plain_label(written_name(members, name), first=False) is not None
    ]


def written_name(members: Members, name: str) -> str:
    """A name in its original spelling, in the form of a label."""
    written = members.written.get(name, name).replace("_", " ")
    return _SUFFIX.sub("", written.strip("*#[]<>{} :"))


class SectionReader:
    """Collects the parts of a song from one value.

    Attributes:
        parts: in the order of singing.
        unsung: names and texts that are left out.
        sure: whether a field for words holds words.
        described: whether sections are described instead of written out.
        problem: the first reason to refuse the parts, or "".
    """

    def __init__(self, *, outline: bool) -> None:
        """Start without parts.

        Args:
            outline: whether plain texts may describe the song; they are sung only if their form
                is unambiguous.
        """
        self.parts: list[Part] = []
        self.unsung: list[str] = []
        self.sure = False
        self.described = False
        self.problem = ""
        self._outline = outline

    @property
    def lines(self) -> frozenset[str]:
        """The lines to sing, normalised for comparison."""
        return frozenset(line for part in self.parts for line in _compared(part.words))

    @property
    def usable(self) -> bool:
        """Whether there are words to sing and no problem."""
        return not self.problem and any(part.words for part in self.parts)

    def value(self, value: Json, path: str) -> None:
        """Collect the parts in the value of a field for sections or words.

        Args:
            value: of the field, of any type.
            path: of the field, for messages.
        """
        if isinstance(value, str):
            self._text(value, path)
        elif isinstance(value, Members):
            self._object(value, path)
        elif isinstance(value, list):
            self._list(value, path)

    def map(self, members: Members, path: str) -> None:
        """Collect sections by name: ``{"verse1": "...", "chorus": ["...", "..."]}``.

        Args:
            members: the object that holds them.
            path: of the object, for messages.
        """
        sections = set(section_names(members))
        numbered = dict.fromkeys(filter(_LINE_NAME.fullmatch, members))
        lines = [name for name in numbered if not (sections or _holds_words(members[name]))]
        self.note_conflicts(members, (*sections, *lines), path)
        for name, value in members.items():
            inside = f"{path}.{name}".removeprefix(".")
            if name in sections:
                self._named(written_name(members, name), value, inside)
            elif _holds_words(value) and (name in _TYPES or name not in _DETAILS):
                unnamed = name in numbered or name in _TYPES
                self._object(value, inside, "" if unnamed else written_name(members, name))
            elif sections or name not in numbered:
                self._leave_out(name, value, inside, may_be_words=True)
        if lines:
            self._add("", [line for name in lines for line in self._lines(members[name], path)])

    def note_conflicts(self, members: Members, names: Iterable[str], path: str) -> None:
        """Add a problem if one of the names occurs twice with different values."""
        for name in names:
            if name in members.conflicts:
                where = f"{path}.{name}" if path else name
                self._add_problem(
                    f"the field '{where[:200]}' occurs more than once, with different values"
                )

    def _text(self, text: str, path: str) -> None:
        song = read_song_text(text)
        if not self._outline or _is_certainly_sung(song):
            self._take(song)
            return
        for line in filter(None, map(str.strip, line_breaks(text).splitlines())):
            label = read_label(line, tail=True)
            if label is None:
                self._add_problem(
                    f"no section in the field '{path[:200]}' has lyrics: it seems to describe the"
                    " song"
                )
                return
            self.parts.append(Part(label.head or label.text))
            self.unsung += [line] if label.tail else []
            self.described = self.described or bool(label.tail)

    def _take(self, song: SongText) -> None:
        self.parts += song.parts
        self.unsung += song.unsung

    def _add(self, kind: str, lines: Iterable[str]) -> None:
        """Add a section; marks in its words divide it."""
        text = tidy_lines("\n".join(lines))
        label = read_label(kind, tail=True)
        times, kind = (label.times, label.text) if label and label.times > 1 else (1, kind)
        wordless = _NO_WORDS.fullmatch(text) or _LENGTH.fullmatch(text)
        if wordless or (kind and not names_verse(kind) and (is_direction(text) or is_played(text))):
            self.unsung += [text] if text else []
            self.parts.append(Part(kind or DEFAULT_TYPE))
        elif kind and asks_for_repeat(text):
            self.parts.append(Part(kind, times=times, repeats=part_of(kind)))
        elif kind and (other := read_label(text)) and other.repeats:
            self.parts.append(Part(kind, times=times, repeats=other.part))
        else:
            self._divided(kind, text, times)

    def _divided(self, kind: str, text: str, times: int) -> None:
        song = read_song_text(text, kind)
        if any(part.words or not kind for part in song.parts):
            for part in song.parts:
                part.times = max(part.times, times)
            self._take(song)
            return
        repeat = next((part for part in song.parts if part.repeats), Part(kind))
        self.parts.append(Part(kind or DEFAULT_TYPE, times=repeat.times, repeats=repeat.repeats))
        self.unsung += [] if repeat.repeats else [text]

    def _list(self, values: list[Json], path: str, kind: str = "") -> None:
        if all(map(_is_line, values)):
            self._flat(values, path, kind)
            return
        for index, value in enumerate(values):
            inside = f"{path}[{index}]"
            if isinstance(value, list):
                self._nested(value, inside, kind)
            elif isinstance(value, Members):
                self._object(value, inside, kind)
            elif isinstance(value, str):
                self._text(value, inside)

    def _flat(self, values: list[Json], path: str, kind: str) -> None:
        lines = self._lines(values, path)
        song = read_song_text("\n".join(lines), kind)
        stanzas = any("\n" in line_breaks(line).strip() for line in lines)
        objects = any(isinstance(value, Members) for value in values)
        is_sung = (stanzas and not _is_described(song)) or _is_certainly_sung(song)
        if objects or is_sung or not self._outline:
            self._take(song)
            return
        for index, value in enumerate(values):
            if isinstance(value, str):
                self._text(value, f"{path}[{index}]")

    def _nested(self, values: list[Json], path: str, kind: str) -> None:
        """A list in a list: a label and its words, or lines."""
        label = read_label(values[0]) if values and isinstance(values[0], str) else None
        if label:
            rest: list[Json] = [
                value for value in values[1:] if isinstance(value, str | list | dict)
            ]
            self._named(str(values[0]), rest[0] if len(rest) == 1 else rest, path)
        else:
            self._list(values, path, kind)

    def _named(self, kind: str, value: Json, path: str) -> None:
        """The value that belongs to the name of a section."""
        if _holds_words(value):
            self._object(value, path, kind)
        elif isinstance(value, list) and not all(map(_is_line, value)):
            self._list(value, path, _PLURAL.sub(r"\1", kind))
        else:
            self._add(section_type(kind), self._lines(value, path))

    def _object(self, members: Members, path: str, kind: str = "") -> None:
        kind = _type_of(members) or kind
        names = _word_names(members)
        inner = next(
            (name for name in STRUCTURES if isinstance(members.get(name), list | dict)), ""
        )
        if inner and not kind and self._inner(members, inner, path, only_sure=bool(names)):
            return
        if names and (names[0] in _WORDS or not section_names(members)):
            self._section(members, path, kind, names)
        elif kind and not section_names(members):
            repeated = members.get("repeat") is True
            self.parts.append(Part(section_type(kind), repeats=part_of(kind) if repeated else ""))
            self._leave_out_others(members, (), path)
        else:
            self.map(members, path)

    def _inner(self, members: Members, name: str, path: str, *, only_sure: bool) -> bool:
        """Collect the sections inside an object that holds more, if they have words."""
        inside = SectionReader(outline=self._outline or only_sure)
        inside.note_conflicts(members, (name,), path)
        inside.value(members[name], f"{path}.{name}")
        if only_sure and not (inside.usable and inside.sure):
            return False
        self.parts += inside.parts
        self.unsung += inside.unsung
        self.sure = self.sure or inside.sure
        self._add_problem(inside.problem)
        self._leave_out_others(members, (name,), path)
        return True

    def _section(self, members: Members, path: str, kind: str, names: list[str]) -> None:
        self.note_conflicts(members, names, path)
        texts: dict[str, list[str]] = {}
        for name in names:
            if _holds_sections(members[name]):
                self._named(kind, members[name], f"{path}.{name}")
                self._leave_out_others(members, (name,), path)
                return
            lines = self._lines(members[name], f"{path}.{name}")
            if tidy_lines("\n".join(lines)):
                texts[name] = lines
        longest = max(texts.values(), key=lambda lines: len("".join(lines)), default=[])
        all_lines = _compared("\n".join(longest))
        if not all(_compared("\n".join(lines)) <= all_lines for lines in texts.values()):
            self._add_problem(
                f"the fields {' and '.join(map(repr, texts))} of '{path[:200]}' differ"
            )
        self.sure = self.sure or (bool(texts) and names[0] in _WORDS)
        self._add(section_type(kind) if kind else "", longest)
        self._leave_out_others(members, names, path)

    def _lines(self, value: Json, path: str, *, listed: bool = False) -> list[str]:
        """Every line in a value; a number counts only in a list."""
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [line for item in value for line in self._lines(item, path, listed=True)]
        if isinstance(value, Members):
            names = _word_names(value)[:1] or section_names(value)
            names = names or [name for name in value if _LINE_NAME.fullmatch(name)]
            self.note_conflicts(value, names, path)
            self._leave_out_others(value, names, path, strict=not names)
            return [line for name in names for line in self._lines(value[name], f"{path}.{name}")]
        number = number_text(value) if listed else None
        return [number] if number else []

    def _leave_out_others(
        self, members: Members, names: Iterable[str], path: str, *, strict: bool = False
    ) -> None:
        """Leave out the members beside the words; without words, one of them may be words.

        Args:
            members: the object.
            names: of its members that hold words.
            path: of the object.
            strict: whether a single line may be words.
        """
        used, sections = set(names), set(section_names(members))
        wordless = all(is_blank(members[name]) for name in used)
        self.described |= self._outline and wordless and not _DESCRIPTIONS.isdisjoint(members)
        for name, value in members.items():
            if name not in used:
                may_be_words = name in sections or (
                    wordless and (strict or _has_several_lines(value))
                )
                self._leave_out(name, value, f"{path}.{name}", may_be_words=may_be_words)

    def _leave_out(self, name: str, value: Json, path: str, *, may_be_words: bool) -> None:
        if name in _NUMBERING or is_blank(value):
            return
        if may_be_words and isinstance(value, str | list | dict) and name not in _DETAILS:
            self._add_problem(
                f"it is not clear whether the field '{path[:200]}' is sung: put the words under"
                " 'lyrics' or the name of a part (verse, chorus, bridge ...)"
            )
        self.unsung.append(re.sub(r"\[[0-9]+\]", "", path))

    def _add_problem(self, problem: str) -> None:
        self.problem = self.problem or problem


def _type_of(members: Members) -> str:
    """The type of a section, or ""."""
    types = [(name, members.get(name)) for name in (*_TYPES, *_LOOSE_TYPES)]
    texts = [(name, value) for name, value in types if isinstance(value, str)]
    labels = [value for _, value in texts if read_label(value, tail=True)]
    unlabelled = [
        value
        for name, value in texts
        if name in _TYPES and not is_blank(value) and value.strip().lower() not in _NO_TYPES
    ]
    numbers = [
        name
        for name, value in members.items()
        if isinstance(value, int) and read_label(name.replace("_", " "))
    ]
    return next(iter((*labels, *unlabelled, *numbers)), "")  # numbers: {"verse": 1, "lyrics": ...}


def _word_names(members: Members) -> list[str]:
    """The names that hold the words of a section; clear names take precedence over loose ones."""
    for names in (_WORDS, _LOOSE_WORDS):
        present = [
            name
            for name in names
            if name in members and isinstance(members[name], str | list | dict | None)
        ]
        if present:
            return sorted(present, key=lambda name: is_blank(members[name]))
    return []


def _holds_words(value: Json) -> TypeGuard[Members]:
    """Whether a value is an object that is or holds a section."""
    return isinstance(value, Members) and (bool(_word_names(value)) or _holds_sections(value))


def _holds_sections(value: Json) -> bool:
    """Whether a value is a labelled section or holds sections, rather than lines."""
    if isinstance(value, list):
        return any(isinstance(item, Members) and _holds_sections(item) for item in value)
    if not isinstance(value, Members):
        return False
    if any(isinstance(value.get(name), list | dict) for name in STRUCTURES):
        return True
    return bool(section_names(value)) or read_label(_type_of(value), tail=True) is not None


def _is_line(value: Json) -> bool:
    """Whether a value in a list is a line of a song rather than a section."""
    if not isinstance(value, Members):
        return not isinstance(value, list)
    if _type_of(value) or _holds_sections(value):
        return False
    return not _SINGERS.isdisjoint(value) or value.keys().isdisjoint({"lyrics", "lines"})


def _is_certainly_sung(song: SongText) -> bool:
    """Whether words follow marks on lines of their own, as in song sheets."""
    return any(part.marked and part.words for part in song.parts) and not _is_described(song)


def _is_described(song: SongText) -> bool:
    """Whether a text has the form of an outline: ``Verse 1: quiet``, or a list of points."""
    return any(part.inline or _BULLET.search(part.words) for part in song.parts)


def _has_several_lines(value: Json) -> bool:
    if isinstance(value, list):
        return len(value) > 1
    return isinstance(value, str) and "\n" in line_breaks(value).strip()


def _compared(text: str) -> frozenset[str]:
    """The lines of a text, normalised for comparison."""
    lines = (line.strip() for line in line_breaks(text).splitlines())
    return frozenset("".join(filter(str.isalnum, line)).lower() or line for line in lines if line)
