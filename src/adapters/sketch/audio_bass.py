"""What the bass player does in one bar, knowing the chord under every step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.sketch.audio_comping import EIGHTH
from adapters.sketch.audio_harmony import Chord
from adapters.sketch.audio_metre import Metre

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


PATTERNS: dict[str, BassPattern] = {
    "long": _long, "pulse": _pulse, "root_fifth": _root_fifth, "walking": _walking,
    "offbeat": _offbeat, "syncopated": _syncopated,
}  # fmt: skip
