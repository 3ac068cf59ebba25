"""Keys: a tonic and a mode, read from what a lyricist writes ("F# minor", "Bb", "d-Moll")."""

import re
from dataclasses import dataclass

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
"""Semitones above the tonic of the seven degrees of each mode."""

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "H": 11}
_SHARPS = ("#", "♯", "sharp", "is")
_FLATS = ("b", "♭", "flat", "es", "s")
_KEY = re.compile(
    r"\s*(?:key of\s+)?(?P<letter>[A-Ha-h])\s*-?\s*"
    r"(?P<sign>#|♯|♭|b(?=m|\W|$)|sharp|flat|is|es|s(?=\W|$))?"
    r"\s*-?\s*(?P<mode>[A-Za-z]*)",
)
_MODE_WORDS = {
    "m": "minor", "min": "minor", "moll": "minor", "mineur": "minor", "aeolian": "minor",
    "": "major", "maj": "major", "dur": "major", "ionian": "major", "majeur": "major",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (pitch class 0..11, C is 0) and one of `MODES`."""

    tonic: int
    mode: str

    @property
    def is_minor(self) -> bool:
        """Whether the third above the tonic is a minor one."""
        return MODES[self.mode][2] == 3  # noqa: PLR2004 - a minor third has three semitones

    def semitones(self, degree: int) -> int:
        """Give the distance from the tonic of a degree (0 is the tonic, 7 its octave, -1 below)."""
        octave, step = divmod(degree, 7)
        return 12 * octave + MODES[self.mode][step]


def parse_key(text: str) -> Key | None:
    """Read a key; None if `text` names none."""
    match = _KEY.match(text)
    if match is None:
        return None
    word = match["mode"].lower() if match["mode"] != "M" else "major"
    mode = _MODE_WORDS.get(word, word)
    if mode not in MODES:
        return None
    if not match["mode"] and match["letter"].islower() and not match["sign"]:
        mode = "minor" if match["letter"] != "b" else mode
    shift = int(match["sign"] in _SHARPS) - int(match["sign"] in _FLATS)
    return Key((_LETTERS[match["letter"].upper()] + shift) % 12, mode)
