"""What the chord player does in one bar: fingerpicking, strumming, stabs, arpeggios ..."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adapters.sketch.audio_metre import Metre

EIGHTH = 2
"""Steps; so it is in plain and in compound metres."""

_WHOLE = (0, 1, 2, 3)
_UPPER = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Strum:
    """Some tones of the chord, struck together (or `spread` seconds apart)."""

    step: int
    """Within the bar."""
    tones: tuple[int, ...]
    """Places in the chord from its lowest tone; beyond its size they go on an octave higher."""
    steps: int
    """How long it rings."""
    level: float
    spread: float = 0.0


Pattern = Callable[[Metre, np.random.Generator], list[Strum]]


def _fingerpick(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    cycle = ((0, 2, 1, 3), (0, 3, 2, 1), (0, 1, 3, 2))[int(chance.integers(3))]
    ring = metre.steps_per_beat * 2
    return [
        Strum(step, (cycle[index % 4],), ring, 0.6 + 0.35 * metre.strength(step))
        for index, step in enumerate(range(0, metre.bar, EIGHTH))
    ]


def _arpeggio(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    cycle = (0, 1, 2, 3, 4, 3, 2, 1) if metre.bar % 8 == 0 else (0, 1, 2, 3, 2, 1)
    return [
        Strum(step, (cycle[index % len(cycle)],), metre.steps_per_beat, 0.55 + 0.3 * (index == 0))
        for index, step in enumerate(range(0, metre.bar, EIGHTH))
    ]


def _strum(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    strums = []
    for step in range(0, metre.bar, EIGHTH):
        down = step % metre.steps_per_beat == 0
        if down or (step > EIGHTH and chance.random() < 0.75):  # noqa: PLR2004 - most upstrokes
            tones, level = (_WHOLE, 0.9) if down else (_UPPER, 0.5)
            strums.append(Strum(step, tones, metre.steps_per_beat, level, 0.014))
    return strums


def _block(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, _WHOLE if step == 0 else _UPPER, metre.steps_per_beat, 0.85 - 0.2 * (step > 0))
        for step in range(0, metre.bar, metre.steps_per_beat)
    ]


def _stabs(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    beat = metre.steps_per_beat
    places = [0, beat + beat // 2] if chance.random() < 0.6 else [beat // 2, 2 * beat]  # noqa: PLR2004
    if metre.beats > 3 and chance.random() < 0.5:  # noqa: PLR2004 - room for a late one
        places.append(metre.bar - beat // 2)
    return [Strum(place, _WHOLE, beat, 0.8) for place in places if place < metre.bar]


def _drive(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, _WHOLE, EIGHTH, 0.7 + 0.3 * metre.strength(step))
        for step in range(0, metre.bar, EIGHTH)
    ]


def _gallop(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    places = [step for step in range(metre.bar) if step % metre.steps_per_beat != 1]
    return [Strum(step, _WHOLE, 1, 0.7 + 0.3 * metre.strength(step)) for step in places]


def _sequence(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    cycle = ((0, 2, 1, 3, 4, 2), (0, 1, 2, 4, 3, 1), (0, 3, 2, 4, 1, 3))[int(chance.integers(3))]
    return [
        Strum(step, (cycle[step % 6],), 1, 0.55 + 0.35 * metre.strength(step))
        for step in range(metre.bar)
    ]


def _shuffle(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, (0, 2) if index // 2 % 2 == 0 else (0, 3), EIGHTH, 0.9 - 0.3 * (index % 2))
        for index, step in enumerate(range(0, metre.bar, EIGHTH))
    ]


def _skank(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    half = metre.steps_per_beat // 2
    return [Strum(step, _WHOLE, 1, 0.85) for step in range(half, metre.bar, metre.steps_per_beat)]


def _bossa(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [Strum(step, _UPPER, 2, 0.75) for step in (0, 3, 6, 10, 13) if step < metre.bar]


def _sparse(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, (int(chance.integers(2, 7)),), metre.bar, 0.6)
        for step in range(0, metre.bar, metre.steps_per_beat)
        if step == 0 or chance.random() < 0.4  # noqa: PLR2004 - sparse
    ]


PATTERNS: dict[str, Pattern] = {
    "fingerpick": _fingerpick, "arpeggio": _arpeggio, "strum": _strum, "block": _block,
    "stabs": _stabs, "drive": _drive, "gallop": _gallop, "sequence": _sequence,
    "shuffle": _shuffle, "skank": _skank, "bossa": _bossa, "sparse": _sparse,
}  # fmt: skip
