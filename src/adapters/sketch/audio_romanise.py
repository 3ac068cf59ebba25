"""Any script to lower-case Latin letters that hint at its sound: `кот` to `kot`."""

import re
import unicodedata
from functools import lru_cache

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
    """Say whether the character is a syllable or word by itself (ideograph, kana, digit, emoji)."""
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
