"""The text of a song to sections of lines of syllables; never raises, whatever the text is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from adapters.sketch.audio_syllables import Syllable, syllables_of, words_of

_HEADER = re.compile(r"\s*\[\s*([^\[\]]{1,40}?)\s*\]\s*")
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")  # also full-width and Arabic
_MOST_CHARACTERS = 24_000
_MOST_LINES = 400
_LONGEST_LINE = 240
_MOST_SYLLABLES = 32
_CHORUSES = ("CHORUS", "HOOK", "REFRAIN", "CORO", "REFRÃO", "ПРИПЕВ")
_ENGLISH = "the and of to in a is you i my it with that for on your me we are all be this no so"


@dataclass(frozen=True, slots=True)
class Line:
    """One sung line: its words as written and as 1..32 syllables."""

    text: str
    syllables: tuple[Syllable, ...]
    is_question: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A run of lines under one heading; sections of the same `kind` share their music."""

    kind: str
    lines: tuple[Line, ...]

    @property
    def is_chorus(self) -> bool:
        """Whether this is the part that everybody sings along with."""
        return self.kind.startswith(_CHORUSES)


def sections_of(lyrics: str) -> tuple[Section, ...]:
    """Give the sections that hold something to sing, in order; empty if there is nothing."""
    written = list(islice(_lines(lyrics[:_MOST_CHARACTERS]), _MOST_LINES))
    english = _reads_as_english(text for text in written if not _HEADER.fullmatch(text))
    sections: list[Section] = []
    kind, lines = "VERSE", list[Line]()
    for text in [*written, "[END]"]:
        header = _HEADER.fullmatch(text)
        if header is None:
            lines.extend(_line(text, english=english))
        else:
            if lines:
                sections.append(Section(kind, tuple(lines)))
            kind, lines = _kind(header.group(1)), []
    return tuple(sections)


def first_line(lyrics: str) -> str:
    """Give the first line that is not a heading, at most 80 characters; "" if there is none."""
    titles = (text for text in _lines(lyrics[:_MOST_CHARACTERS]) if not _HEADER.fullmatch(text))
    return next(titles, "").rstrip(" ,;:.-")[:80]


def _lines(lyrics: str) -> Iterator[str]:
    return (line.strip()[:_LONGEST_LINE] for line in lyrics.splitlines() if line.strip())


def _kind(heading: str) -> str:
    kind = re.sub(r"[\d\W_]+", " ", heading.upper()).strip()
    return kind or "VERSE"


def _line(text: str, *, english: bool) -> Iterator[Line]:
    found = (part for word in words_of(text) for part in syllables_of(word, english=english))
    syllables = tuple(islice(found, _MOST_SYLLABLES))
    if syllables:
        yield Line(text, syllables, is_question=text.rstrip("\"'”’»)").endswith(_QUESTION_MARKS))


def _reads_as_english(lines: Iterator[str]) -> bool:
    words = list(islice(re.finditer(r"[^\W\d_]+", " ".join(lines).lower()), 300))
    common = frozenset(_ENGLISH.split())
    known = sum(match.group() in common for match in words)
    return known * 10 > len(words)
