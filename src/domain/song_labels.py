"""Labels and directions in songs, distinguished from words to sing by their vocabulary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.brief_values import is_blank

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

DEFAULT_TYPE: Final = "verse"
EDGES: Final = " \t\"'`*_#=~<>()[]{}【】«»|:\uff1a.,;!-–—•"  # around a label

_MAX_LABEL: Final = 120  # characters
_MAX_TOKENS: Final = 8  # of a label or a direction


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


_VERSES = _words(
    "verse verses chorus choruses refrain refrains strophe strophen estrofa verso couplet coro",
    "estribillo refrão strofa ritornello kehrreim vers куплет припев приспів 主歌 副歌",
    "estrofe versos refrein zwrotka refren refräng refreng omkvæd säkeistö kertosäe sloka refrén",
    "versszak strofă k\u0131ta nakarat lời khúc 절 후렴 벌스 코러스 פזמון בית κουπλέ ρεφρέν",
    "المقطع مقطع اللازمة لازمة",
)
_PARTS = _VERSES | _words(
    "prechorus postchorus bridge bridges intro introduction outro interlude hook hooks stanza",
    "instrumental brücke zwischenspiel pont puente ponte",
    "前奏 間奏 间奏 尾奏 桥段 橋段 导歌 導歌 预副歌 預副歌 브릿지 인트로 아웃트로",
    "サビ aメロ bメロ cメロ メロ ブリッジ イントロ アウトロ",
)
# Also words to sing: alone on a line they are a label only with a number or in a label's form.
_WEAK_PARTS = _words(
    "solo breakdown break drop coda tag rap spoken vamp build buildup ending end opening reprise",
    "turnaround climax adlib adlibs middle",
)
_NUMBERED_PARTS = _words("part section paragraph")  # parts only where a number follows
_NUMBERS: Final = {
    name: str(number)
    for names in (
        "one two three four five six",
        "first second third fourth fifth sixth",
        "i ii iii iv v vi",
        "一 二 三 四 五 六",
    )
    for number, name in enumerate(names.split(), start=1)
}
_INSTRUMENTS = _words(
    "guitar piano drum drums bass sax saxophone violin fiddle cello string strings synth organ",
    "harmonica flute trumpet horn horns brass banjo mandolin ukulele keys keyboard percussion",
    "orchestra orchestral accordion harp electric acoustic",
)
_INSTRUMENTAL = _INSTRUMENTS | _words("solo break instrumental musical")
_QUALIFIERS = (
    _INSTRUMENTS
    | _NUMBERS.keys()
    | _words(
        "a b c d pre post final last double half main full big small short long extended alternate",
        "additional closing quiet loud soft slow fast gentle whispered musical vocal vocals lead",
        "group word eight and fade till until",
    )
)
_REPEATS = _words("repeat repeats repeated again")
_REFERENCES = _words("same as above back to the from")
_MANNERS = _words(
    "softly quietly gently loudly whispered whispering spoken sung shouted shouting screamed",
    "belted falsetto humming hummed acappella cappella adlib adlibs harmonies harmonized rapped",
    "fade fades fading fadeout tenderly powerfully passionately intensely delicately soulfully",
)
_DIRECTIONS = (
    _MANNERS
    | _INSTRUMENTS
    | _words(
        "music instrumental solo slowly bars bar measures pause silence",
        "clapping claps applause cheering cheers laughs laughter crescendo decrescendo rubato",
        "tempo modulation male female duet choir both intimate emotional energetic haunting upbeat",
        "mellow breathy raspy soulful melancholic anthemic powerful dramatic intense reflective",
        "tender dreamy picking strumming riff riffs arpeggio arpeggios ambient",
    )
)
_FILLERS = _QUALIFIERS | _words(
    "in out with over of on for under all only then as to the band crowd voice voices instruments",
    "begin begins start starts stop stops continue continues play plays playing enter enters",
    "builds build building break up down slows slower faster gradually key change ad lib libs",
    "backing beat beats low high",
)
_ALL_PARTS = _PARTS | _WEAK_PARTS | _NUMBERED_PARTS
_LABEL_WORDS = _ALL_PARTS | _QUALIFIERS | _REPEATS | _REFERENCES
_DIRECTION_WORDS = _DIRECTIONS | _FILLERS

# In Chinese the number of a verse follows without a blank: 主歌一.
_TOKEN = re.compile(r"[^\W\d_]+?(?=[一二三四五六](?:\W|\Z))|[^\W\d_]+|[0-9]+")
_TIMES = re.compile(
    r"[(\[]?(?<!\w)(?:[x×] ?([2-9])|([2-9]) ?[x×]|([2-9]) times|twice)(?!\w)[)\]]?", re.IGNORECASE
)
_TAIL = re.compile(r"\s+[-–—|/]+\s+|\s*[:\uff1a(\[\],–—]\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a section.

    Attributes:
        text: on one line, without brackets and instructions to repeat.
        part: the part that it names, with its number if any: "chorus", "verse 2".
        sure: whether these words alone on a line can only be a label.
        times: number of times that the section is sung.
        repeats: whether it asks for earlier words.
        head: ``text`` without the tail.
        tail: the text after a dash, colon, comma or bracket, or "".
        instrumental: whether it names a part without words, such as a solo.
    """

    text: str
    part: str
    sure: bool
    times: int = 1
    repeats: bool = False
    head: str = ""
    tail: str = ""
    instrumental: bool = False


def section_type(written: str) -> str:
    """A section's type on one line and without brackets; "verse" if that is blank."""
    kept = " ".join(written.replace("[", " ").replace("]", " ").split())
    return DEFAULT_TYPE if is_blank(kept) else kept


def names_part(text: str) -> bool:
    """Whether a text names a part of a song, even without a number."""
    return not (_PARTS | _WEAK_PARTS).isdisjoint(_tokens(text))


def mentions_part(text: str) -> bool:
    """Whether any word of a text names a part of a song."""
    return not _ALL_PARTS.isdisjoint(_TOKEN.findall(text.lower()))


def names_verse(text: str) -> bool:
    """Whether a text is the label of a verse or a chorus."""
    return read_label(text) is not None and not _VERSES.isdisjoint(_tokens(text))


def read_label(written: str, *, tail: bool = False) -> Label | None:
    """A text as a label, or None if it is not one.

    Args:
        written: one line.
        tail: whether text may follow: ``Verse 1 - softly``, ``Chorus: the hook``.
    """
    if len(written) > _MAX_LABEL or not mentions_part(written):
        return None
    text = written.strip(EDGES)
    times = _TIMES.search(text)
    if times:
        text = f"{text[: times.start()]} {text[times.end() :]}".strip(EDGES)
    text += ")" * (text.count("(") - text.count(")"))
    if label := _label(text, _count(times)):
        return label
    cut = _TAIL.search(text, 2) if tail else None
    head = _label(text[: cut.start()], _count(times)) if cut else None
    if cut is None or head is None:
        return None
    rest = text[cut.end() :].rstrip(" )]*_")
    whole = section_type(text)
    return Label(whole, head.part, head.sure, head.times, head.repeats, head.text, rest)


def read_plain_label(text: str, *, first: bool) -> Label | None:
    """A line without brackets or emphasis as a label, or None if it is not one.

    A number may have any tail ("Verse 1, softly"); a name without a number only one in brackets,
    or after a dash in the first line of a stanza.

    Args:
        text: one line.
        first: whether it is the first of its stanza.
    """
    label = read_label(text, tail=True)
    if label is None or not label.tail or " " in label.part:
        return label
    sign = label.text[len(label.head) :].lstrip()[:1]
    return label if sign == "(" or (sign in "-–—" and first) else None


def is_direction(text: str) -> bool:
    """Whether a text only says how something is played or sung: "fade out"."""
    tokens = _tokens(text)
    says_something = not _DIRECTIONS.isdisjoint(tokens) or {"key", "change"} <= set(tokens)
    return says_something and _consists_of(tokens, _DIRECTION_WORDS)


def is_played(text: str) -> bool:
    """Whether a text says what is played in a part without words: "(Soft acoustic guitar)".

    In a verse the same text may be words to sing.
    """
    tokens = _tokens(text)
    if not tokens or "\n" in text:
        return False
    in_brackets = text[:1] in "([*_" and text[-1:] in ")]*_"
    return tokens[0] in {"instrumental", "music"} or (
        in_brackets and not (_INSTRUMENTAL | {"music", "fades", "fade"}).isdisjoint(tokens)
    )


def is_manner(text: str, line: str) -> bool:
    """Whether a text says how the line beside it is sung ("whispered"), rather than echoing it."""
    tokens = _tokens(text)
    if _MANNERS.isdisjoint(tokens) or not set(tokens).isdisjoint(_tokens(line)):
        return False
    return _consists_of(tokens, _DIRECTION_WORDS)


def asks_for_repeat(text: str) -> bool:
    """Whether a text only asks for earlier words, without naming them: "(repeat)"."""
    tokens = _tokens(text)
    asks = not {"repeat", "repeats", "repeated", "above"}.isdisjoint(tokens)
    return asks and _consists_of(tokens, _REPEATS | _REFERENCES | {"x", "times", "twice"})


def _label(text: str, times: int) -> Label | None:
    tokens = _tokens(text)
    if not _consists_of(tokens, _LABEL_WORDS):
        return None
    numbers = [_NUMBERS.get(token, token) for token in tokens if _is_number(token)]
    parts = [token for token in tokens if token in _PARTS]
    named = parts or [token for token in tokens if token in _WEAK_PARTS]
    named = named or [token for token in tokens if numbers and token in _NUMBERED_PARTS]
    if not named:
        return None
    refers = not _REFERENCES.isdisjoint(tokens)
    repeats = not (_REPEATS | {"same", "back"}).isdisjoint(tokens)
    if refers and not repeats:
        return None
    if repeats:
        ignored = _REPEATS | _REFERENCES
        text = " ".join(word for word in text.split() if word.lower().strip(EDGES) not in ignored)
        text = text.strip(EDGES)
    pre = next((token for token in tokens if token in {"pre", "post"}), "")
    instrumental = _consists_of(tokens, _INSTRUMENTAL)
    return Label(
        section_type(text),
        " ".join([pre + named[0], *numbers[:1]]),
        sure=(bool(parts or numbers) or (instrumental and len(tokens) > 1))
        and (not refers or not _REPEATS.isdisjoint(tokens)),
        times=times,
        repeats=repeats,
        instrumental=instrumental,
    )


def _count(times: re.Match[str] | None) -> int:
    if times is None:
        return 1
    return int(next((group for group in times.groups() if group), "2"))


def _consists_of(tokens: list[str], known: AbstractSet[str]) -> bool:
    return len(tokens) <= _MAX_TOKENS and all(token in known or token.isdigit() for token in tokens)


def _is_number(token: str) -> bool:
    return token.isdigit() or token in _NUMBERS or token in {"a", "b", "c", "d"}


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text[: _MAX_LABEL + 1].lower())
