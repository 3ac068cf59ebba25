"""Lyrics: text in any script to sections of lines of syllables that a voice can sing.

Never raises, whatever the text is. Letters of other scripts become Latin letters that hint at their
sound (`кот` to `kot`), and each syllable has one vowel or glide.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, pairwise

_FIRST_CYRILLIC = 0x430
_CYRILLIC_SOUNDS = "a b v g d ye zh z i y k l m n o p r s t u f h ts ch sh sh - i - e yu ya"
_FIRST_GREEK, _GREEK_SOUNDS = 0x3B1, "a v g d e z i th i k l m n x o p r s s t i f h ps o"
_ABJAD = {"alef": "a", "ain": "a", "ayin": "a", "waw": "u", "vav": "u", "yeh": "i", "yod": "i"}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPECIAL = {"ß": "ss", "æ": "e", "œ": "e", "ø": "e", "þ": "th", "ð": "th", "ł": "w", "\u0131": "i"}
_INITIALS = ("", "l", "m", "n", "sh", "t", "d", "h", "y", "w", "g", "b")
_FINALS = ("a", "o", "i", "u", "e", "ai", "ou", "an", "en", "ing")


def _alphabet(first: int, sounds: str) -> dict[str, str]:
    """Pair the letters from code point `first` on, in their Unicode order, with their sounds."""
    return {chr(code): sound.strip("-") for code, sound in enumerate(sounds.split(), first)}


_CYRILLIC = _alphabet(_FIRST_CYRILLIC, _CYRILLIC_SOUNDS) | {
    "\u0451": "yo",
    "\u0454": "ye",
    "\u0456": "i",
    "\u0457": "yi",
}
_GREEK = _alphabet(_FIRST_GREEK, _GREEK_SOUNDS)


@lru_cache(maxsize=4096)
def letters_of(character: str) -> str:
    """Give the Latin letters of one character, "" if it has no sound, "ooh" for a pictograph."""
    lowered = character.lower()
    if lowered in _CYRILLIC:
        return _CYRILLIC[lowered]
    if lowered in _SPECIAL:
        return _SPECIAL[lowered]
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c)
    )
    if bare.isascii():
        return _ascii_letters(bare)
    return _GREEK.get(bare) or _by_name(character)


def _ascii_letters(bare: str) -> str:
    if len(bare) == 1 and bare.isdigit():
        return _DIGITS[int(bare)]
    return "".join(letter for letter in bare if letter.isalpha())


def _by_name(character: str) -> str:
    """Read the sound out of the character's Unicode name, which spells most scripts in Latin."""
    kind = unicodedata.category(character)
    name = unicodedata.name(character, "").lower()
    if kind == "So":
        return "ooh"
    if kind[0] == "N":
        return _DIGITS[int(unicodedata.numeric(character, 1)) % 10]
    if kind[0] != "L" and "vowel sign" not in name:
        return ""
    if "ideograph" in name or not name:
        return _ideograph(ord(character))
    reading = re.sub(r"[^a-z].*", "", re.split(r"letter |syllable |sign |character ", name)[-1])
    if name.startswith(("arabic", "hebrew", "syriac")):
        return _ABJAD.get(reading, reading[:1])
    return reading[:5]


def _ideograph(code: int) -> str:
    """Ideographs carry no sound in their code: each gets one syllable, always the same."""
    return _INITIALS[code % len(_INITIALS)] + _FINALS[code // 7 % len(_FINALS)]


def is_syllabic(character: str) -> bool:
    """Say whether the character alone is a syllable or word (ideograph, kana, digit, emoji)."""
    name = unicodedata.name(character, "")
    spoken = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL SYLLABLE", "YI SYLLABLE", "ETHIOPIC SYLLABLE")
    return name.startswith(spoken) or unicodedata.category(character) in {"So", "Nd"}


def separates(character: str) -> bool:
    """Say whether a word ends here: spaces, punctuation, signs; not apostrophes, not emoji."""
    kind = unicodedata.category(character)
    return (kind[0] in "PZCS" and kind != "So") and character not in "'’"


def is_mark(character: str) -> bool:
    """Say whether the character changes the letter before it (a vowel sign, an accent)."""
    return unicodedata.category(character).startswith("M")


def with_vowels(word: str) -> str:
    """Give the Latin letters of a word of a script that writes few vowels the ones it needs."""
    return re.sub(r"([^aeiou])([^aeiou])(?=[^aeiou]|$)", r"\1a\2", word)


def is_abjad(character: str) -> bool:
    """Say whether the character's script leaves most vowels to the reader."""
    return unicodedata.name(character, "").startswith(("ARABIC", "HEBREW", "SYRIAC"))


_MAX_WORD_LENGTH = 40
_GLIDES = {
    "igh": "ai", "eau": "o", "ee": "i", "ea": "i", "ie": "i", "oo": "u", "ou": "au", "oa": "o",
    "ai": "ei", "ay": "ei", "ei": "ei", "ey": "ei", "ow": "ou", "oe": "o", "ue": "u", "ui": "u",
    "au": "o", "aw": "o", "ew": "u", "oi": "oi", "oy": "oi", "uy": "ai",
}  # fmt: skip
_PAIRS = "sh=S ch=C th=T ph=f ck=k wh=w zh=Z gh=g"
_CONSONANT_PAIRS = dict(pair.split("=") for pair in _PAIRS.split())
_SINGLE = {"c": "k", "q": "k", "x": "s", "j": "C", "y": "j"}
_RESPELLINGS = (
    "you=yoo your=yor to=too do=doo who=hoo two=too of=ov was=woz one=wun once=wuns love=luv "
    "come=kum some=sum have=hav give=giv live=liv are=ar were=wer there=ther where=wer "
    "through=throo though=tho eyes=aiz eye=ai said=sed know=no knows=nos i=ai my=mai by=bai "
    "he=hee she=shee we=wee me=mee be=bee been=bin world=werld heart=hart hearts=harts "
    "blood=blud above=abuv dance=dans blue=bloo true=troo moon=moon people=pipul does=duz "
    "gone=gon none=nun done=dun nothing=nuthing mother=muther oh=ou go=go so=so no=no "
    "light=lait night=nait bright=brait fire=faier"
)
_RESPELT = dict(pair.split("=") for pair in _RESPELLINGS.split())
_WEAK = (
    "a an and as at but by for from in into is it its my nor of on or our so than that the their "
    "then to was we were will with your be are i you he she am"
)
_WEAK_WORDS = frozenset(_WEAK.split())
_NUCLEUS = re.compile(r"[aeiou]+(?:gh(?![aeiou])|[yw](?![aeiou]))?|y(?![aeiou])")


@dataclass(frozen=True, slots=True)
class Syllable:
    """One sung syllable; `stress` is 0 (weak) to 1 (strong), letters are phoneme codes."""

    onset: str
    """Consonants before the vowel, at most two: `S` is sh, `C` ch, `T` th, `Z` zh, `j` y."""
    vowel: str
    """One or two of a e i o u (two make a glide), `@` for a murmur, `m` for humming."""
    coda: str
    stress: float
    ends_word: bool


def words_of(line: str) -> Iterator[str]:
    """Give each word of `line` in Latin letters; where no spaces are, each character."""
    for ends, run in groupby(line, separates):
        if not ends:
            yield from _words_in(list(run))


def _words_in(run: Sequence[str]) -> Iterator[str]:
    word = ""
    for character in run:
        letters = letters_of(character)
        if is_syllabic(character) and letters:
            yield from filter(None, (word[:_MAX_WORD_LENGTH], letters))
            word = ""
        else:
            word = (word.removesuffix("a") if is_mark(character) else word) + letters
    word = with_vowels(word) if is_abjad(run[0]) else word
    if word:
        yield word[:_MAX_WORD_LENGTH]


def syllables_of(word: str, *, english: bool) -> list[Syllable]:
    """Divide one word in lower-case Latin letters; `english` drops its silent vowels."""
    spoken = _as_spoken(word) if english else word
    nuclei = list(_NUCLEUS.finditer(spoken))
    if not nuclei:
        return [Syllable(_consonants(spoken)[:1], "m", "", _stress(word, 0, 1), ends_word=True)]
    edges = _edges(spoken, [match.span() for match in nuclei])
    return [
        Syllable(
            onset=_consonants(spoken[start : match.start()])[-2:],
            vowel=_vowel(match.group(), word, english=english),
            coda=_consonants(spoken[match.end() : stop])[:2],
            stress=_stress(word, index, len(nuclei)),
            ends_word=index == len(nuclei) - 1,
        )
        for index, (match, (start, stop)) in enumerate(zip(nuclei, edges, strict=True))
    ]


def _edges(word: str, nuclei: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut between two vowels so that the later syllable begins with one consonant or a pair."""
    cuts = [0]
    for (_, end), (start, _) in pairwise(nuclei):
        between = word[end:start]
        keep = 2 if between[-2:] in _CONSONANT_PAIRS else min(1, len(between))
        cuts.append(start - keep)
    cuts.append(len(word))
    return list(pairwise(cuts))


def _as_spoken(word: str) -> str:
    """Respell an English word nearer to its sound: silent letters go, odd words are listed."""
    if word in _RESPELT:
        return _RESPELT[word]
    word = re.sub(r"^kn", "n", re.sub(r"^wr", "r", word))
    word = re.sub(r"(?<!^)[ts]ion", "shen", word)
    word = re.sub(r"(?<=[aeiou])([^aeiouy]{1,2})e(s?)$", r"\1\2", word)
    return re.sub(r"(?<=[aeiouy])([^aeioutdy]+)ed$", r"\1d", word)


def _vowel(letters: str, word: str, *, english: bool) -> str:
    if letters in _GLIDES:
        return _GLIDES[letters] if english or letters[-1] in "yw" else letters[:2]
    plain = letters.replace("y", "i").replace("w", "u").replace("gh", "")
    if english and plain == "e" and word.endswith(("er", "en", "the")):
        return "@"
    if english and plain == "i" and re.search(r"(i[^aeiou]e|ind|y)$", word):
        return "ai" if len(word) < 6 else "i"  # noqa: PLR2004 - short words: my, time, kind
    return plain[:2] if plain[:1] != plain[1:2] else plain[:1]


def _consonants(letters: str) -> str:
    for pair, code in _CONSONANT_PAIRS.items():
        letters = letters.replace(pair, code)
    codes = "".join(_SINGLE.get(letter, letter) for letter in letters)
    return re.sub(r"(.)\1+", r"\1", codes)


def _stress(word: str, index: int, count: int) -> float:
    if word in _WEAK_WORDS:
        return 0.1
    if count == 1:
        return 0.8
    return 1.0 if index == 0 else (0.5 if index % 2 == 0 else 0.25)


_HEADER = re.compile(r"\s*\[\s*([^\[\]]{1,40}?)\s*\]\s*")
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")  # also full-width and Arabic
_MAX_CHARACTERS = 24_000
_MAX_LINES = 400
_MAX_LINE_LENGTH = 240
_MAX_SYLLABLES = 32
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
    written = list(islice(_lines(lyrics[:_MAX_CHARACTERS]), _MAX_LINES))
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
    titles = (text for text in _lines(lyrics[:_MAX_CHARACTERS]) if not _HEADER.fullmatch(text))
    return next(titles, "").rstrip(" ,;:.-")[:80]


def _lines(lyrics: str) -> Iterator[str]:
    return (line.strip()[:_MAX_LINE_LENGTH] for line in lyrics.splitlines() if line.strip())


def _kind(heading: str) -> str:
    kind = re.sub(r"[\d\W_]+", " ", heading.upper()).strip()
    return kind or "VERSE"


def _line(text: str, *, english: bool) -> Iterator[Line]:
    parts = (part for word in words_of(text) for part in syllables_of(word, english=english))
    syllables = tuple(islice(parts, _MAX_SYLLABLES))
    if syllables:
        yield Line(text, syllables, is_question=text.rstrip("\"'”’»)").endswith(_QUESTION_MARKS))


def _reads_as_english(lines: Iterator[str]) -> bool:
    words = list(islice(re.finditer(r"[^\W\d_]+", " ".join(lines).lower()), 300))
    common = frozenset(_ENGLISH.split())
    known = sum(match.group() in common for match in words)
    return known * 10 > len(words)
