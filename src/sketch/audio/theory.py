"""Keys, chords and metre: read from what a lyricist writes, and laid out in time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sketch.audio.genres import Band

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


_TEMPO_WORDS = {
    "very slow": 54, "slow": 68, "largo": 52, "lento": 56, "adagio": 66, "ballad": 70,
    "relaxed": 80, "laid-back": 80, "gentle": 78, "andante": 84, "mid-tempo": 100, "midtempo": 100,
    "medium": 100, "moderate": 98, "moderato": 100, "steady": 100, "walking": 88, "lively": 124,
    "upbeat": 122, "brisk": 128, "allegro": 130, "driving": 136, "energetic": 136, "fast": 144,
    "quick": 140, "vivace": 156, "very fast": 168, "presto": 172, "frantic": 180,
}  # fmt: skip
_SLOWEST, _FASTEST = 40.0, 220.0
_PLAIN = 4  # steps in a beat that divides by two twice
_COMPOUND = 6  # steps in a dotted beat


@dataclass(frozen=True, slots=True)
class Metre:
    """A grid: `steps_per_beat` steps to each of `beats` beats of a bar, `bpm` beats a minute."""

    beats: int
    steps_per_beat: int
    bpm: float
    swing: float = 0.5
    """Where the second half of a beat begins: 0.5 straight, 0.67 triplet swing."""

    @property
    def bar(self) -> int:
        """Steps in a bar."""
        return self.beats * self.steps_per_beat

    @property
    def step_seconds(self) -> float:
        """Mean seconds of one step."""
        return 60.0 / self.bpm / self.steps_per_beat

    def seconds_at(self, step: float) -> float:
        """Give the time in seconds, from the song's beginning, at which `step` sounds."""
        beat, inside = divmod(step / self.steps_per_beat, 1.0)
        late = inside * 2 * self.swing
        if inside >= 0.5:  # noqa: PLR2004 - the beat's second half
            late = self.swing + (inside - 0.5) * 2 * (1 - self.swing)
        return (beat + late) * 60.0 / self.bpm

    def strength(self, step: int) -> float:
        """Give how strong a place in the bar is, 1 (first beat) to 0.05 (between everything)."""
        inside = step % self.bar
        if inside == 0:
            return 1.0
        if inside % self.steps_per_beat == 0:
            return 0.8 if self.beats % 2 == 0 and inside * 2 == self.bar else 0.65
        return 0.35 if inside % 2 == 0 else 0.05


def parse_tempo(text: str) -> float | None:
    """Give beats a minute, 40..220, from "120 BPM", "slow", "moderate to fast"; None if none."""
    number = re.search(r"\d{1,4}(?:\.\d{1,3})?", text)
    if number:
        return min(max(float(number.group()), _SLOWEST), _FASTEST)
    lowered, tempos = text.lower(), list[int]()
    for word in sorted(_TEMPO_WORDS, key=len, reverse=True):
        if word in lowered:
            tempos.append(_TEMPO_WORDS[word])
            lowered = lowered.replace(word, " ")
    return sum(tempos) / len(tempos) if tempos else None


def parse_metre(signature: str, bpm: float, swing: float) -> Metre:
    """Read "3/4", "6/8" and so on; what is no time signature counts as 4/4."""
    match = re.search(r"(\d{1,2})\s*/\s*(\d{1,2})", signature)
    over, under = (int(match[1]), int(match[2])) if match else (4, 4)
    if not 2 <= over <= 12 or under not in {2, 4, 8, 16}:  # noqa: PLR2004 - what can be counted
        over, under = 4, 4
    if under in {8, 16} and over % 3 == 0 and over > 3:  # noqa: PLR2004 - beats of three
        return Metre(over // 3, _COMPOUND, bpm * (0.72 if over > 6 else 0.62), 0.5)  # noqa: PLR2004
    if under in {8, 16}:
        return Metre(over, 2, min(bpm * 2, _FASTEST * 2), 0.5)
    return Metre(over, _PLAIN, bpm, swing)


USABLE = 0.84
"""The share of a phrase that has onsets; the rest is the last note and a breath."""

_WIDEST = 8


def onsets(
    stresses: Sequence[float], steps: int, metre: Metre, chance: np.random.Generator
) -> list[int]:
    """Give a rising step within 0..steps-1 for each syllable, strong ones on strong places.

    `chance` is the section's groove: with the same stream, lines of one section sound alike.
    Syllables that find no step (more of them than steps) are left out at the end.
    """
    groove = np.array([metre.strength(step) for step in range(steps)])
    groove += chance.uniform(0.0, 0.3, size=steps)
    usable = max(int(steps * USABLE), 1)
    count = min(len(stresses), usable)
    gap = usable / count
    return _best_walk(np.asarray(stresses[:count]), groove[:usable], gap)


def _best_walk(
    stresses: npt.NDArray[np.float64], groove: npt.NDArray[np.float64], gap: float
) -> list[int]:
    """Find the rising walk with the best sum of stress on groove and of even gaps."""
    count, usable = len(stresses), len(groove)
    widest = min(max(_WIDEST, int(gap * 2)), usable)
    gaps = np.arange(1, widest + 1)
    evenness = -1.1 * np.abs(np.log2(gaps / gap))
    score = np.full(usable, -np.inf)
    first = max(1, min(int(gap), usable - count + 1))
    score[:first] = groove[:first] * (0.3 + stresses[0])
    came_from = np.zeros((count, usable), dtype=np.int64)
    for index in range(1, count):
        reached = np.full((widest, usable), -np.inf)
        for row, step in enumerate(gaps):
            reached[row, step:] = score[: usable - step] + evenness[row]
        came_from[index] = np.argmax(reached, axis=0)
        score = reached.max(axis=0) + groove * (0.3 + stresses[index])
    return _walk_back(score, came_from)


def _walk_back(score: npt.NDArray[np.float64], came_from: npt.NDArray[np.int64]) -> list[int]:
    at = int(np.argmax(score))
    walk = [at]
    for row in came_from[:0:-1]:
        at -= int(row[at]) + 1
        walk.append(at)
    return walk[::-1]
