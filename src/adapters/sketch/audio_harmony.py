"""Chords and the roads they take: progressions for each family of genres and kind of section."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapters.sketch.audio_genre import Band
from adapters.sketch.audio_key import Key

_COLOURS = {
    "triad": (0, 2, 4),
    "seventh": (0, 2, 4, 6),
    "dominant": (0, 2, 4, 6),
    "open": (0, 1, 4),
    "power": (0, 4),
}
"""Which degrees above its root a chord of each colour holds."""

_MAJOR = {
    "folk": ("1514 1645 1415", "4151 1514"),
    "pop": ("1564 6415 1645", "4156 1564"),
    "rock": ("1415 1746 1545", "1564 4145"),
    "jazz": ("2516 1625 3625", "4362 2511"),
    "blues": ("111144115411", "111144115411"),
    "classical": ("1524 1645 1254", "4152 6251"),
    "ambient": ("1414 1264 4164", "4126 1426"),
    "dark": ("6415 6543", "4536 6415"),
}
_MINOR = {
    "folk": ("1716 1471 1637", "6371 4176"),
    "pop": ("1637 1647 1465", "6713 6371"),
    "rock": ("1617 1671 1473", "1637 6711"),
    "jazz": ("1425 1625 1473", "4736 2511"),
    "blues": ("111144115411", "111144116511"),
    "classical": ("1465 1745 1625", "4736 6415"),
    "ambient": ("1616 1463 1714", "6137 1646"),
    "dark": ("1216 1615 1651", "6175 1612"),
}
"""Roots as degrees 1..7: verses choose from the first group, choruses and bridges the second."""


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (degree, 0 is the tonic) with the pitch classes (0..11) that sound above it."""

    root: int
    degrees: tuple[int, ...]
    classes: tuple[int, ...]
    raises_seventh: bool = False
    """In minor, a dominant borrows the leading tone: the seventh degree is a semitone higher."""

    def voiced(self, lowest: int) -> tuple[int, ...]:
        """Give MIDI pitches, ascending, all within the octave above `lowest`."""
        return tuple(sorted(lowest + (pitch - lowest) % 12 for pitch in self.classes))

    def bass(self, lowest: int) -> int:
        """Give the root as the first MIDI pitch at or above `lowest`."""
        return lowest + (self.classes[0] - lowest) % 12


def chord_on(key: Key, root: int, colour: str, *, cadence: bool = False) -> Chord:
    """Build the chord on `root` (0..6); `cadence` makes a dominant in minor lead to its tonic."""
    raised = cadence and key.is_minor and root in {4, 6}
    degrees = tuple((root + above) % 7 for above in _COLOURS[colour])
    semitones = [key.semitones(root + above) for above in _COLOURS[colour]]
    if colour == "dominant" and root in {0, 3, 4}:
        base = semitones[0]
        third = 3 if key.is_minor and root != 4 else 4  # noqa: PLR2004 - semitones, degree
        semitones = [base, base + third, base + 7, base + 10]
    elif raised:
        leading = key.semitones(6)
        semitones = [tone + int((tone - leading) % 12 == 0) for tone in semitones]
    classes = tuple((key.tonic + tone) % 12 for tone in semitones)
    return Chord(root, degrees, classes, raises_seventh=raised and 6 in degrees)  # noqa: PLR2004


def progression(
    key: Key, band: Band, count: int, *, verse: bool, chance: np.random.Generator
) -> tuple[Chord, ...]:
    """Give `count` chords that end at home, those of a verse or of a chorus."""
    groups = (_MINOR if key.is_minor else _MAJOR)[band.changes]
    choices = groups[0 if verse else 1].split()
    road = choices[int(chance.integers(len(choices)))]
    roots = [int(road[place]) - 1 for place in _places(len(road), count)]
    if count > 1:
        roots[-2:] = [_approach(road, key), 0]
    return tuple(
        chord_on(key, root, band.colour, cadence=_leads_home(roots, at))
        for at, root in enumerate(roots)
    )


def _places(road: int, count: int) -> list[int]:
    """Walk a short road over and over; a long one (twelve bars) is stretched once over all."""
    if road > 4:  # noqa: PLR2004 - twelve bars
        return [index * road // max(count, 1) for index in range(count)]
    return [index % road for index in range(count)]


def _approach(road: str, key: Key) -> int:
    """Give the root before the last: plagal where the road loves its fourth, else the dominant."""
    plagal = road.count("4") > road.count("5") and not key.is_minor
    return 3 if plagal else 4


def _leads_home(roots: Sequence[int], at: int) -> bool:
    return at + 1 < len(roots) and roots[at + 1] == 0
