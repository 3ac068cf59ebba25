"""Reading a prompt: what it asks to see, in which light, weather, colours and manner."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.sketch.image_lexicon import HOURS, MOODS, SEASONS, STYLES, THINGS, WEATHERS
from adapters.sketch.image_pigments import PIGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_READ = 20_000  # characters: what stands further back changes the seed, not the scene
_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]")
_DENIALS = frozenset({"no", "without", "never", "not"})
_LIGHT = frozenset({"light", "lights", "glow", "sky", "skies"})
_ENDS = frozenset(".,;:!?()")
_DENIAL_REACHES = 4  # words
_BOUND_WITHIN = 2  # words between a colour and the thing that it colours
_LEXICA = {
    "thing": THINGS,
    "hour": HOURS,
    "weather": WEATHERS,
    "season": SEASONS,
    "mood": MOODS,
    "style": STYLES,
    "colour": {word: word for word in PIGMENTS},
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a prompt was understood to say; every tuple is in the order of first mention."""

    things: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    weathers: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    """Thing (or `light`, the sky included) to the colour word that stands before it."""
    banned: frozenset[str] = frozenset()
    """Names that must not appear, whatever the scene would like."""
    fingerprint: int = 0
    """A number from the words alone, for choices that they leave open."""

    def has(self, *names: str) -> bool:
        """Say whether any of these things or weathers is asked for."""
        return any(name in self.things or name in self.weathers for name in names)

    def allows(self, name: str) -> bool:
        """Say whether a scene may add this of its own accord."""
        return name not in self.banned

    def choice(self, options: int, salt: int = 0) -> int:
        """Pick one of `options` from the words alone: the same for every seed."""
        mixed = hashlib.sha256(f"{self.fingerprint}/{salt}".encode()).digest()
        return int.from_bytes(mixed[:4], "big") % options


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFC", text[:_READ]).casefold().replace("\ufe0f", "")
    return _TOKEN.findall(plain)


def _forms(word: str) -> Iterator[str]:
    yield word
    if word.endswith("'s"):
        yield word[:-2]
    for ending, instead in (("ies", "y"), ("es", ""), ("s", ""), ("y", ""), ("ish", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            yield word[: -len(ending)] + instead
    if "-" in word:
        for part in word.split("-"):
            yield from _forms(part)


def _meanings(tokens: list[str], place: int) -> set[tuple[str, str]]:
    """Give every (lexicon, name) that the word at `place`, or the pair begun there, stands for."""
    pair = "_".join(tokens[place : place + 2])
    triple = "_".join(tokens[place : place + 3])
    found: set[tuple[str, str]] = set()
    for form in (triple, pair, *_forms(tokens[place])):
        found.update((kind, words[form]) for kind, words in _LEXICA.items() if form in words)
    return found


def _denied(tokens: list[str], seen: list[set[tuple[str, str]]]) -> set[str]:
    """Give the names that a 'no' or 'without' takes back: the first meaning close behind it."""
    denied: set[str] = set()
    reach = 0
    for word, meanings in zip(tokens, seen, strict=True):
        reach = 0 if word in _ENDS else _DENIAL_REACHES if word in _DENIALS else reach - 1
        if reach > 0 and meanings and word not in _DENIALS:
            denied.update(name for _, name in meanings)
            reach = 0
    return denied


def _bindings(tokens: list[str], seen: list[set[tuple[str, str]]]) -> dict[str, str]:
    bound: dict[str, str] = {}
    for place, meanings in enumerate(seen):
        colours = sorted(name for kind, name in meanings if kind == "colour")
        for later in range(place + 1, min(place + 1 + _BOUND_WITHIN, len(tokens))):
            things = {name for kind, name in seen[later] if kind == "thing"}
            if tokens[later] in _LIGHT:
                things.add("light")
            if colours and things:
                bound.update(dict.fromkeys(sorted(things - bound.keys()), colours[0]))
                break
            if tokens[later] in _ENDS or things:
                break
    return bound


def _banned(text: str) -> frozenset[str]:
    tokens = _tokens(text)
    return frozenset(
        name
        for place in range(len(tokens))
        for kind, name in _meanings(tokens, place)
        if kind != "mood"
    )


def _named(kind: str, seen: Iterable[set[tuple[str, str]]], banned: frozenset[str]) -> list[str]:
    ordered = [name for one in seen for other, name in sorted(one) if other == kind]
    return [name for name in dict.fromkeys(ordered) if name not in banned]


def _fingerprint(*texts: str) -> int:
    whole = "\x1f".join(texts).encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(whole).digest()[:8], "big")


def read(prompt: str, negative: str = "", style_tags: str = "", mood: str = "") -> Reading:
    """Understand a prompt with its companions; any text can be read, and most say something."""
    tokens = _tokens(f"{prompt} . {style_tags} . {mood}")
    seen = [_meanings(tokens, place) for place in range(len(tokens))]
    banned = _banned(negative) | _denied(tokens, seen)
    bound = _bindings(tokens, seen)
    return Reading(
        things=tuple(_named("thing", seen, banned)),
        hours=tuple(_named("hour", seen, banned)),
        weathers=tuple(_named("weather", seen, banned)),
        seasons=tuple(_named("season", seen, banned)),
        moods=tuple(_named("mood", seen, banned)),
        styles=tuple(_named("style", seen, banned)),
        colours=tuple(_named("colour", seen, banned)),
        bound={thing: name for thing, name in bound.items() if name not in banned},
        banned=banned,
        fingerprint=_fingerprint(prompt, negative, style_tags, mood),
    )
