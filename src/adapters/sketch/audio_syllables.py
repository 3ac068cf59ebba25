"""Words to syllables: what the singer's mouth does, one vowel (or glide) at a time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from adapters.sketch.audio_romanise import (
    is_abjad,
    is_mark,
    is_syllabic,
    letters_of,
    separates,
    with_vowels,
)

_LONGEST_WORD = 40
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
            yield from filter(None, (word[:_LONGEST_WORD], letters))
            word = ""
        else:
            word = (word.removesuffix("a") if is_mark(character) else word) + letters
    word = with_vowels(word) if is_abjad(run[0]) else word
    if word:
        yield word[:_LONGEST_WORD]


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
