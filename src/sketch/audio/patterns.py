"""What chords, bass and drums do in one bar: fingerpicking, walking bass, beats, fills."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sketch.audio.theory import Chord, Metre

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
    """Places in the chord from its lowest tone; beyond its size they continue an octave higher."""
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


def _shuffle_comp(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, (0, 2) if index // 2 % 2 == 0 else (0, 3), EIGHTH, 0.9 - 0.3 * (index % 2))
        for index, step in enumerate(range(0, metre.bar, EIGHTH))
    ]


def _skank(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    half = metre.steps_per_beat // 2
    return [Strum(step, _WHOLE, 1, 0.85) for step in range(half, metre.bar, metre.steps_per_beat)]


def _bossa_comp(metre: Metre, _chance: np.random.Generator) -> list[Strum]:
    return [Strum(step, _UPPER, 2, 0.75) for step in (0, 3, 6, 10, 13) if step < metre.bar]


def _sparse(metre: Metre, chance: np.random.Generator) -> list[Strum]:
    return [
        Strum(step, (int(chance.integers(2, 7)),), metre.bar, 0.6)
        for step in range(0, metre.bar, metre.steps_per_beat)
        if step == 0 or chance.random() < 0.4  # noqa: PLR2004 - sparse
    ]


COMP_PATTERNS: dict[str, Pattern] = {
    "fingerpick": _fingerpick, "arpeggio": _arpeggio, "strum": _strum, "block": _block,
    "stabs": _stabs, "drive": _drive, "gallop": _gallop, "sequence": _sequence,
    "shuffle": _shuffle_comp, "skank": _skank, "bossa": _bossa_comp, "sparse": _sparse,
}  # fmt: skip


_LOWEST = 31  # MIDI: the G below a bass guitar's open A string


@dataclass(frozen=True, slots=True)
class BassNote:
    """One note of one bar."""

    step: int
    """Within the bar."""
    pitch: int
    """MIDI."""
    steps: int
    level: float


BassPattern = Callable[[Metre, Sequence[Chord], Chord], list[BassNote]]
"""Takes the metre, the chord on each step of the bar, and the chord that comes after it."""


def _long(metre: Metre, chords: Sequence[Chord], _after: Chord) -> list[BassNote]:
    changes = [at for at in range(metre.bar) if at == 0 or chords[at] != chords[at - 1]]
    return [
        BassNote(at, chords[at].bass(_LOWEST), until - at, 0.85)
        for at, until in zip(changes, [*changes[1:], metre.bar], strict=True)
    ]


def _pulse(metre: Metre, chords: Sequence[Chord], _after: Chord) -> list[BassNote]:
    return [
        BassNote(at, chords[at].bass(_LOWEST), EIGHTH, 0.7 + 0.3 * metre.strength(at))
        for at in range(0, metre.bar, EIGHTH)
    ]


def _root_fifth(metre: Metre, chords: Sequence[Chord], _after: Chord) -> list[BassNote]:
    beat = metre.steps_per_beat
    places = range(0, metre.bar, 2 * beat if metre.beats % 2 == 0 and metre.beats > 2 else beat)  # noqa: PLR2004
    notes = []
    for index, at in enumerate(places):
        root = chords[at].bass(_LOWEST)
        fresh = at == 0 or chords[at] != chords[at - 1]
        pitch = root if fresh or index % 2 == 0 else _other(chords[at], root)
        notes.append(BassNote(at, pitch, places.step, 0.9 - 0.15 * (index > 0)))
    return notes


def _walking(metre: Metre, chords: Sequence[Chord], after: Chord) -> list[BassNote]:
    beat, notes = metre.steps_per_beat, list[BassNote]()
    for index, at in enumerate(range(0, metre.bar, beat)):
        chord = chords[at]
        tones = [chord.bass(_LOWEST + 3), *chord.voiced(_LOWEST + 6)]
        pitch = tones[index % len(tones)] if index else tones[0]
        if at + beat >= metre.bar and index:
            target = after.bass(_LOWEST + 3)
            pitch = target + (1 if pitch > target else -1)
        notes.append(BassNote(at, pitch, beat, 0.85))
    return notes


def _offbeat(metre: Metre, chords: Sequence[Chord], _after: Chord) -> list[BassNote]:
    half = metre.steps_per_beat // 2
    return [
        BassNote(at, chords[at].bass(_LOWEST), half, 0.9)
        for at in range(half, metre.bar, metre.steps_per_beat)
    ]


def _syncopated(metre: Metre, chords: Sequence[Chord], after: Chord) -> list[BassNote]:
    beat = metre.steps_per_beat
    places = [0, beat + beat // 2, *([metre.bar - beat // 2] if metre.beats > 2 else [])]  # noqa: PLR2004
    notes = []
    for at, until in zip(places, [*places[1:], metre.bar], strict=True):
        late = at + beat > metre.bar
        pitch = after.bass(_LOWEST) if late else chords[at].bass(_LOWEST)
        notes.append(BassNote(at, pitch, min(until - at, beat * 2), 0.9))
    return notes


def _other(chord: Chord, root: int) -> int:
    """Give the fifth (the last tone of a triad, the third of a seventh chord) below or above."""
    fifth = chord.classes[min(2, len(chord.classes) - 1)]
    above = root + (fifth - root) % 12
    return above - 12 if above - 12 >= _LOWEST - 3 else above


BASS_PATTERNS: dict[str, BassPattern] = {
    "long": _long, "pulse": _pulse, "root_fifth": _root_fifth, "walking": _walking,
    "offbeat": _offbeat, "syncopated": _syncopated,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke on one drum (a name that `audio_drums` knows)."""

    step: int
    """Within the bar."""
    drum: str
    level: float


Beat = Callable[[Metre], list[Hit]]


def _beats(metre: Metre) -> range:
    return range(0, metre.bar, metre.steps_per_beat)


def _eighths(metre: Metre, drum: str, level: float) -> list[Hit]:
    return [
        Hit(at, drum, level * (0.6 + 0.4 * metre.strength(at))) for at in range(0, metre.bar, 2)
    ]


def _backbeats(metre: Metre) -> list[int]:
    """Give beats two and four; in three time two and three, softly a waltz; in 6/8 the second."""
    beats = list(_beats(metre))
    return beats[1:] if metre.beats == 3 else beats[1::2]  # noqa: PLR2004 - a waltz


def _backbeat(metre: Metre) -> list[Hit]:
    soft = 0.5 if metre.beats == 3 else 0.9  # noqa: PLR2004 - a waltz
    kicks = [at for at in _beats(metre) if at not in _backbeats(metre)]
    return [
        *(Hit(at, "kick", 0.9) for at in kicks),
        *(Hit(at, "snare", soft) for at in _backbeats(metre)),
        *_eighths(metre, "hat", 0.5),
    ]


def _rock(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    extra = [Hit(metre.bar // 2 + half, "kick", 0.8)] if metre.beats % 2 == 0 else []
    return [*_backbeat(metre), *extra]


def _four_floor(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    return [
        *(Hit(at, "kick", 1.0) for at in _beats(metre)),
        *(Hit(at, "clap", 0.6) for at in _backbeats(metre)),
        *(Hit(at + half, "open_hat", 0.55) for at in _beats(metre)),
        *(Hit(at, "hat", 0.25) for at in range(metre.bar)),
    ]


def _ride(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    skips = [at + half for at in _backbeats(metre)]
    return [
        *(Hit(at, "ride", 0.6) for at in _beats(metre)),
        *(Hit(at, "ride", 0.4) for at in skips),
        *(Hit(at, "hat", 0.5) for at in _backbeats(metre)),
        Hit(0, "kick", 0.35),
        *(Hit(at, "brush", 0.5) for at in _beats(metre)),
    ]


def _shuffle_beat(metre: Metre) -> list[Hit]:
    return [*_backbeat(metre), *_eighths(metre, "ride", 0.35)]


def _boom_bap(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    late = metre.bar // 2 + half
    return [
        Hit(0, "kick", 1.0),
        Hit(metre.steps_per_beat + half, "kick", 0.6),
        *([Hit(late, "kick", 0.85)] if metre.beats > 2 else []),  # noqa: PLR2004
        *(Hit(at, "snare", 0.9) for at in _backbeats(metre)),
        *_eighths(metre, "hat", 0.5),
        Hit(metre.bar - 1, "hat", 0.3),
    ]


def _train(metre: Metre) -> list[Hit]:
    brushes = [
        Hit(at, "brush", 0.75 if at in _backbeats(metre) else 0.35) for at in range(metre.bar)
    ]
    return [*(Hit(at, "kick", 0.6) for at in _beats(metre)), *brushes]


def _shaker(metre: Metre) -> list[Hit]:
    kicks = [Hit(at, "soft_kick", 0.6) for at in _beats(metre) if at not in _backbeats(metre)]
    return [*kicks, *_eighths(metre, "shaker", 0.5)]


def _one_drop(metre: Metre) -> list[Hit]:
    late = metre.bar // 2
    drop = [Hit(late, "kick", 0.95), Hit(late, "rim", 0.7)]
    return [*drop, *_eighths(metre, "hat", 0.45)]


def _bossa_beat(metre: Metre) -> list[Hit]:
    rims = [Hit(at, "rim", 0.5) for at in (0, 3, 6, 10, 13) if at < metre.bar]
    kicks = [Hit(at, "soft_kick", 0.6) for at in _beats(metre)]
    return [*rims, *kicks, *_eighths(metre, "shaker", 0.4)]


def fill(metre: Metre) -> list[Hit]:
    """Give the last beat of a section: down the toms into the next one."""
    start, stop = metre.bar - metre.steps_per_beat, metre.bar
    drums = ("snare", "snare", "tom", "tom", "floor_tom", "floor_tom")
    return [Hit(at, drums[at - start], 0.6 + 0.06 * (at - start)) for at in range(start, stop)]


BEATS: dict[str, Beat] = {
    "backbeat": _backbeat, "rock": _rock, "four_floor": _four_floor, "ride": _ride,
    "shuffle": _shuffle_beat, "boom_bap": _boom_bap, "train": _train, "shaker": _shaker,
    "one_drop": _one_drop, "bossa": _bossa_beat,
}  # fmt: skip
