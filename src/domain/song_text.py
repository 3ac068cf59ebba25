"""Song text as people and language models write it: words to sing, section marks, directions.

The rules, line by line:

1. A *mark* names a section and is never sung: ``[Verse 1]``, ``(Chorus)``, ``**Bridge**``,
   ``## Chorus``, ``Verse 1`` or ``Verse 1:`` on a line of its own, ``Verse 1: words``. In square
   brackets any text that names a part is one. Elsewhere the whole label must consist of words that
   labels are made of, so "Bridge over troubled water" stays a line.
2. A *direction* on a line of its own is not sung: square brackets, or parentheses and emphasis that
   contain only words for directions ("(softly)", "*fade out*"). "(stay, stay)" is sung. Chords
   ("[Am]"), times ("[00:12]") and numbers of stanzas ("1.") are not sung either.
3. "(x2)" repeats the line or the section where it stands. "(repeat chorus)" repeats the words of
   the chorus if all choruses so far have the same; otherwise it is an empty section.
4. Details of the song ("Key: D major") at its head or in a stanza of their own are not sung.
5. Everything else is sung, unchanged.

``SongText.unsung`` lists what rules 2 and 4 leave out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, Final

from domain.brief import BRIEF_FIELDS, Section
from domain.brief_values import canonical_name, is_blank
from domain.prompt import Kind
from domain.song_labels import (
    DEFAULT_TYPE,
    Label,
    asks_for_repeat,
    is_direction,
    is_manner,
    mentions_part,
    names_part,
    read_label,
    read_plain_label,
    section_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SECTIONS: Final = 1_000  # of one text
MAX_REPEATED: Final = 20_000  # characters that repeats may add to a song

_MAX_MARK: Final = 300  # characters of a line that may hold a mark or a direction
_MAX_TIMES: Final = 9  # repeats of one line
_DETAILS = frozenset(
    (
        *(
            field.name
            for field in BRIEF_FIELDS[Kind.AUDIO]
            if field.objects and not field.is_number
        ),
        *("song_title", "artist", "author", "composer", "songwriter", "written_by", "lyrics_by"),
        *("bpm", "vocals", "instruments", "language", "theme", "themes", "style", "note", "notes"),
        *("duration", "length", "description", "arrangement", "structure", "production_notes"),
        *("performance_notes", "tags", "chords", "chord_progression", "capo", "tuning", "credits"),
        *("copyright", "rhyme_scheme", "production", "vocal", "voice", "word_count", "inspiration"),
    )
)

_SIGN = re.compile(r"[^\w\s'’,.!?]|_|[x×] ?[2-9]|[0-9]\.", re.IGNORECASE)  # of more than words
_LINE_BREAK = re.compile(r"(?:\\r)?\\n|\\r|<br ?/?>")
_BRACKETS = re.compile(r"(?<=[^\s*_#>=~•-])(?:[ \t]+[/|])?[ \t]*(\[[^\]\[\n]{1,60}\])")
_RULE = re.compile(r"(?:[-=_*~—–] ?){3,}|```[a-z]*")
_TIMES = re.compile(
    r"(?:[(\[](?:repeat(?:ed)? )?(?:[x×] ?([2-9])|([2-9]) ?[x×]|([2-9]) times|twice)[)\]]"
    r"|(?<!\S)[x×]([2-9]))[ .]*$",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"[ \t]*[\[(][0-9]{1,2}:[0-9]{2}(?:[.:][0-9]{1,3})?[\])][ \t]*")
_CHORD = r"[A-G][#b♯♭]?(?:maj|min|m|dim|aug|sus|add)?[0-9]{0,2}(?:/[A-G][#b♯♭]?)?"
_CHORDS = re.compile(rf"\[{_CHORD}\]")
_CHORD_LINE = re.compile(rf"(?=.*\b[A-G][#bm0-9])(?:{_CHORD}[\s|–-]*){{2,}}")
_NUMBER = re.compile(r"[0-9]{1,2}[.)]")  # of a stanza
_SQUARE = re.compile(r"[\s*_#>=~•-]*+\[\s*([^\]\[]{1,60})\]\s*[*_:]*\s*(.*)")
_ROUND = re.compile(r"[\s*_#>]*+[(<{【«]\s*([^()<>{}【】«»]{1,60})[)>}】»]\s*[*_:]*\s*(.*)")
_EMPHASIS = re.compile(r"[\s#>]*+(\*{1,3}|_{1,3})\s*+([^*_]{1,60})\1(.*)")
_HEADING = re.compile(r"\s*+#{1,6}\s+(.*)")
_COLON = re.compile(r"(?:[-•>*]\s+|[0-9]{1,2}[.)]\s+)?([^:\uff1a]{2,50})[:\uff1a]\s*(.*)")
_DETAIL = re.compile(
    r"[\s*_#>•(-]*+([^\W\d][\w /-]{1,30}?)[\s*_]*[:\uff1a][\s*_]*(?:\S.*)?", re.DOTALL
)
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|here|below)\b.*\b(?:lyrics|song)\b.*|(?:\w+ ){0,2}lyrics):",
    re.IGNORECASE,
)
# What a model says to its user after the song.
_CHANGES = r"\b.*\b(?:chang|adjust|tweak|revis|modif|edit|feedback|version)\w*.*"
_CHAT = re.compile(
    rf"let me know (?:if|what|whether){_CHANGES}|feel free to{_CHANGES}|would you like me to\b.*"
    rf"|if you(?:'d| would) like{_CHANGES}|i can also{_CHANGES}"
    r"|i hope (?:you (?:like|enjoy)|this|these)\b.*\blyrics\b.*",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b[0-9]{2,3} ?bpm\b|\bkey of [A-G]\b"
    r"|(?-i:\b[A-G])(?:[#b♯♭]|-flat|-sharp)? (?:major|minor)\b",
    re.IGNORECASE,
)
# ChordPro: {start_of_verse: Verse 1}, {soc}, {comment: softly}. Nothing in braces is sung.
_DIRECTIVE = re.compile(r"\{[^{}]*\}")
_START_OF = re.compile(r"\{\s*(?:start_of_|so(?=[vcb]\b))(\w+)\s*(?::\s*([^{}]*?))?\s*\}")
_SHORT = re.compile(r"(V|C|CH|Ch|B|BR|Br|PC|Pre)([0-9]?)[:\uff1a]\s*(.*)")
_SHORT_MARK = re.compile(rf"{_START_OF.pattern}|{_SHORT.pattern}")
_SHORT_PARTS = {"v": "verse", "c": "chorus", "ch": "chorus", "b": "bridge", "br": "bridge"} | {
    "pc": "pre-chorus",
    "pre": "pre-chorus",
}
_ASIDE = re.compile(r"[*_]*([(\[<*_])[*_]*([^()\[\]<>*_]{1,80})[)\]>*_][*_]*[.:]?")
_SINGER = re.compile(
    r"[\s*_]*((?:both|all|everyone|duet|choir|group|lead|(?:fe)?male|him|her"
    r"|(?:lead|back(?:ing|ground)|(?:fe)?male) (?:vocals?|singer|voice)|singer|voice)"
    r"(?: ?[0-9a-d])?[\s*_]*[:\uff1a][*_]*)\s*",
    re.IGNORECASE,
)
_NAMED_SINGER = re.compile(r"[\s*_]*(([^\s:\uff1a*_][^:\uff1a*_]{0,30})[\s*_]*[:\uff1a][*_]*)\s*")
_BETWEEN_NAMES = re.compile(r"\s*(?:[,&/+|]|\band\b)\s*")
_LEADING_ASIDE = re.compile(r"(\s*)([(\[]([^()\[\]]{1,40})[)\]])\s*(\S.*)")
_TRAILING_ASIDE = re.compile(r"(.*\S)\s*([(\[]([^()\[\]]{1,40})[)\]])\s*")


@dataclass(slots=True)
class Part:
    """One section before repeats are resolved.

    Attributes:
        type: verbatim, such as "Verse 1".
        words: its lines, without blank ones at either end.
        times: number of times that it is sung.
        repeats: the part whose words are sung again if there are no lines, or "".
        marked: whether its mark is alone on a line, in a form that only marks have.
        inline: whether its first words follow the mark on the same line.
        label: its mark, if the tail of the mark may be the words.
        lines: the lines that were read so far.
    """

    type: str
    words: str = ""
    times: int = 1
    repeats: str = ""
    marked: bool = False
    inline: bool = False
    label: Label | None = None
    lines: list[str] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class SongText:
    """The parts of a song text.

    Attributes:
        parts: in the order of the text.
        unsung: verbatim, what the text holds beside words and marks.
    """

    parts: list[Part] = field(default_factory=list)
    unsung: list[str] = field(default_factory=list)


def tidy_lines(text: str) -> str:
    r"""A text without trailing white space and without blank lines at either end."""
    lines = "\n".join([line.rstrip() for line in text.splitlines()]).strip("\n")
    return "" if is_blank(lines) else lines


def line_breaks(text: str) -> str:
    r"""A text with line ends for ``\n`` written as two characters and for ``<br>``."""
    return _LINE_BREAK.sub("\n", text)


def read_song_text(text: str, kind: str = "") -> SongText:
    r"""The sections of a song text.

    Args:
        text: any text; ``\n`` as two characters and ``<br>`` are line ends too.
        kind: the type of the part before the first mark; "" for a whole song, which may begin with
            details such as its title.
    """
    reader = _Reader(kind)
    lines = _BRACKETS.sub(_on_own_line, line_breaks(text)).splitlines()
    for blank, stanza in groupby(lines, key=_is_blank):
        if blank:
            reader.pause(len(list(stanza)))
        else:
            reader.stanza(list(stanza))
    return reader.finished()


def sung_sections(parts: Iterable[Part]) -> tuple[list[Section], list[str]]:
    """Sections with repeats written out, and the types of those that are too long to repeat."""
    sections: list[Section] = []
    omitted: list[str] = []
    words_of: dict[str, set[str]] = {}
    left = MAX_REPEATED
    for part in parts:
        kind, words = section_type(part.type), part.words
        new = bool(words)
        label = read_label(kind, tail=True) if new else None
        if label:
            words_of.setdefault(label.part, set()).add(words)
        if not new and part.repeats:
            words = _words_before(part.repeats, words_of)
        for copy in range(part.times if words else 1):
            added = 0 if new and copy == 0 else len(words)
            if added > left:
                omitted.append(kind)
                sections += [Section(kind, "")] if copy == 0 else []
                break
            left -= added
            sections.append(Section(kind, words))
    return sections, omitted


def _on_own_line(brackets: re.Match[str]) -> str:
    """Start a new line at a mark in the middle of a line."""
    return f"\n{brackets[1]}" if read_label(brackets[1], tail=True) else brackets[0]


def _words_before(part: str, words_of: dict[str, set[str]]) -> str:
    """The words of an earlier part if they are always the same; otherwise ""."""
    name = part.partition(" ")[0]
    candidates = words_of.get(part) or {
        words
        for other, written in words_of.items()
        if other.partition(" ")[0] == name
        for words in written
    }
    return next(iter(candidates)) if len(candidates) == 1 else ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A possible mark.

    Attributes:
        label: of the section, or None if it is no mark.
        rest: the words after it on the same line.
        formal: whether its form is enough for a label that is not sure.
        marked: whether only a label can have its form.
        loose_tail: whether the tail of the label may be words.
        interrupts: whether the section before it continues after an instrumental one.
    """

    label: Label | None
    rest: str = ""
    formal: bool = False
    marked: bool = True
    loose_tail: bool = False
    interrupts: bool = True


class _Reader:
    """Sorts lines into sections, directions and details."""

    def __init__(self, kind: str) -> None:
        self._song = SongText()
        self._kind = kind
        self._interrupted = ""  # the section that continues after an instrumental break
        self._singers: set[str] = set()  # that marks name: "[Verse 1: Anna & Ben]"

    def finished(self) -> SongText:
        """The parsed song; if no words follow a mark, its tail is the words."""
        for part in self._song.parts:
            label = part.label
            if label and label.tail and not part.lines and not is_direction(label.tail):
                part.type, part.words, part.inline = label.head, label.tail, True
            elif part.lines:
                part.words = tidy_lines("\n".join(part.lines))
                part.lines = []
        return self._song

    def pause(self, lines: int) -> None:
        """Read a number of blank lines."""
        if self._song.parts and self._song.parts[-1].lines:
            self._song.parts[-1].lines += [""] * lines

    def stanza(self, lines: list[str]) -> None:
        """Read the lines between two blank ones."""
        whole = "\n".join(lines)
        full = len(self._song.parts) >= MAX_SECTIONS
        plain = not (_SIGN.search(whole) or mentions_part(whole) or _CHAT.match(whole))
        if full or plain:  # most stanzas
            self._append(lines)
            return
        begun = bool(self._song.parts)
        details: list[str] = []
        if not self._kind:
            details += takewhile(lambda line: _is_detail(line.strip(), begun=begun), lines)
        if begun and len(details) < len(lines):
            details = []
        self._song.unsung += map(str.strip, details)
        for index, line in enumerate(lines[len(details) :]):
            self._line(line, first=index == 0)

    def _line(self, line: str, *, first: bool) -> None:
        text = line.strip()
        parts = self._song.parts
        first = first or bool(parts and not parts[-1].lines)
        if len(parts) >= MAX_SECTIONS:
            self._append([line])
            return
        may_be_mark = mentions_part(text) or _SHORT_MARK.fullmatch(text)
        begun = may_be_mark and any(map(self._begin, _marks(text, first=first)))
        if not (begun or self._repeat(text) or self._leave_out(text)):
            self._sing(line)

    def _begin(self, mark: _Mark) -> bool:
        """Begin a section if its label is sure, or has a form that only labels have."""
        label = mark.label
        if label is None or not (label.sure or mark.formal):
            return False
        before = self._song.parts[-1].type if self._song.parts else ""
        part = Part(label.text, times=label.times, label=label if mark.loose_tail else None)
        part.repeats = label.part if label.repeats else ""
        self._song.parts.append(part)
        self._singers |= set(_BETWEEN_NAMES.split(label.tail.lower()))
        self._interrupted = before if mark.interrupts and label.instrumental else ""
        if mark.rest and not (self._repeat(mark.rest) or self._leave_out(mark.rest)):
            part.inline = True
            self._sing(mark.rest)
        part.marked = mark.marked and not part.inline
        return True

    def _repeat(self, text: str) -> bool:
        """Repeat the section if the text asks for it."""
        if not self._song.parts or len(text) > _MAX_MARK:
            return False
        part = self._song.parts[-1]
        if times := _TIMES.fullmatch(text):
            part.times = _count(times)
            return True
        aside = _ASIDE.fullmatch(text)
        if aside is None or not asks_for_repeat(aside[2]):
            return False
        part.times += 1 if part.lines else 0
        part.repeats = "" if part.lines else part_of(part.type)
        return True

    def _leave_out(self, text: str) -> bool:
        """Leave a text out if it is a direction, a heading or the end of a section."""
        if len(text) > _MAX_MARK:
            return False
        aside = _ASIDE.fullmatch(text)
        if aside and aside[2].startswith("/") and names_part(aside[2]):
            return True  # "[/Verse]"
        direction = aside and (aside[1] == "[" or is_direction(aside[2]) or _ABOUT.search(aside[2]))
        patterns = (
            *(_HEADING.match, _TIMES.fullmatch, _CHORD_LINE.fullmatch, _NUMBER.fullmatch),
            *(_DIRECTIVE.fullmatch, _CHAT.fullmatch),
        )
        if not (direction or any(matches(text) for matches in patterns)):
            return False
        self._song.unsung.append(text)
        return True

    def _sing(self, line: str) -> None:
        times = 1
        if len(line) <= _MAX_MARK and _SIGN.search(line):
            self._song.unsung += _CHORDS.findall(line)
            line = self._without_asides(_CLOCK.sub("", _CHORDS.sub("", line), count=1))
            while (sign := _TIMES.search(line)) and sign.start():
                line, times = line[: sign.start()].rstrip(), min(times * _count(sign), _MAX_TIMES)
        self._append([line] * times)

    def _append(self, lines: list[str]) -> None:
        if not self._song.parts:
            self._song.parts.append(Part(self._kind or DEFAULT_TYPE))
        elif self._interrupted and not self._song.parts[-1].lines:
            self._song.parts.append(Part(self._interrupted))
        self._interrupted = ""
        self._song.parts[-1].lines += lines

    def _without_asides(self, line: str) -> str:
        """A line without its manner and singer: ``(whispered) Stay``, ``Both: Stay``."""
        named = _NAMED_SINGER.match(line)
        if named and named[2].lower() not in self._singers:
            named = None
        if singer := _SINGER.match(line) or named:
            self._song.unsung.append(singer[1])
            line = line[singer.end() :]
        leading = _LEADING_ASIDE.fullmatch(line)
        if leading and is_manner(leading[3], leading[4]):
            self._song.unsung.append(leading[2])
            line = leading[1] + leading[4]
        trailing = _TRAILING_ASIDE.fullmatch(line)
        if trailing and is_manner(trailing[3], trailing[1]):
            self._song.unsung.append(trailing[2])
            line = trailing[1]
        return line


def _marks(text: str, *, first: bool) -> Iterator[_Mark]:
    """The marks that a line may be or start with.

    Args:
        text: the line.
        first: whether it is the first of its stanza or section.
    """
    start, more = text[:_MAX_MARK], text[_MAX_MARK:]
    if start[1:2] == "/":
        return
    if directive := _START_OF.fullmatch(start):
        name = directive[2] or _SHORT_PARTS.get(directive[1], directive[1])
        yield _Mark(read_label(name, tail=True) or read_label(directive[1]), formal=True)
    elif short := _SHORT.fullmatch(start):
        name = _SHORT_PARTS[short[1].lower()] + f" {short[2]}".rstrip()
        yield _Mark(read_label(name), short[3] + more, formal=True)
    elif square := _SQUARE.match(start):
        yield _Mark(_square_label(square[1]), square[2] + more, formal=True, interrupts=False)
    elif heading := _HEADING.match(start):
        yield _Mark(read_label(heading[1], tail=True), loose_tail=True)
    elif emphasis := _EMPHASIS.match(start):
        label, rest = read_label(emphasis[2], tail=True), emphasis[3].strip(" \t*_:-–—") + more
        formal = not rest or emphasis[2].rstrip().endswith(":")
        yield _Mark(label, rest, formal=formal, loose_tail=True)
    elif enclosed := _ROUND.match(start):
        rest = enclosed[2] + more
        yield _Mark(read_label(enclosed[1], tail=True), rest, formal=not rest)
    else:
        if colon := _COLON.match(start):
            label, rest = read_plain_label(colon[1], first=first), colon[2].lstrip("*_ ") + more
            yield _Mark(label, rest, formal=label is not None and label.text[:1].isupper())
        if not more:
            signed = start[0] in "=~-<{" and start[-1] in "=~->}"
            label = read_plain_label(start, first=first)
            yield _Mark(label, formal=signed, marked=signed, loose_tail=True)


def _square_label(text: str) -> Label | None:
    label = read_label(text, tail=True)
    return label or (Label(section_type(text), "", sure=True) if names_part(text) else None)


def part_of(kind: str) -> str:
    """The part that a section's type names, in the form of ``Label.part``, or ""."""
    label = read_label(kind, tail=True)
    return label.part if label else ""


def _is_blank(line: str) -> bool:
    """Whether a line is blank, a rule, or a fence around the text."""
    if line[:1].isalnum():  # most lines
        return False
    return is_blank(line) or (len(line) <= _MAX_MARK and _RULE.fullmatch(line.strip()) is not None)


def _is_detail(text: str, *, begun: bool) -> bool:
    if len(text) > _MAX_MARK:
        return False
    detail = _DETAIL.fullmatch(text)
    if detail and canonical_name(detail[1]) in _DETAILS:
        return True
    return not begun and _PREAMBLE.fullmatch(text.strip("*_# ")) is not None


def _count(times: re.Match[str]) -> int:
    return int(next((group for group in times.groups() if group), "2"))
