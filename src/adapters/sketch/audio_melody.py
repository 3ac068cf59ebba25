"""Melody: a contour of degrees for each kind of line, on which its syllables are sung."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_form import Part, Phrase
from adapters.sketch.audio_harmony import Chord
from adapters.sketch.audio_key import Key
from adapters.sketch.audio_metre import Metre
from adapters.sketch.audio_rhythm import onsets
from adapters.sketch.audio_syllables import Syllable

_ROLES = "abac"
"""Lines one and three of four sing the same; the second stays open, the fourth closes."""

_LONGEST_NOTE = 2.2  # seconds; a singer breathes


@dataclass(frozen=True, slots=True)
class SungNote:
    """One syllable at one pitch."""

    step: int
    """Counted from the song's beginning."""
    start: float
    """Seconds."""
    length: float
    """Seconds."""
    degree: int
    pitch: float
    """MIDI: 69 is 440 Hz."""
    level: float
    syllable: Syllable
    chord: Chord


def phrase_notes(
    phrase: Phrase, part: Part, chords: Sequence[Chord], key: Key, metre: Metre, seed: int, low: int
) -> list[SungNote]:
    """Sing one phrase over `chords` (one for each step of `part`); `low` is the lowest tonic."""
    syllables = phrase.line.syllables
    groove = stream(seed, "groove", part.kind, phrase.steps)
    steps = onsets([one.stress for one in syllables], phrase.steps, metre, groove)
    under = chords[phrase.start : phrase.start + phrase.steps]
    closes = phrase is part.phrases[-1]
    role = "c" if closes else _ROLES[phrase.place % len(_ROLES)]
    centre = 4 if part.is_chorus else (3 if part.kind == "BRIDGE" else 2)
    contour = _contour(under, metre, centre, stream(seed, "contour", part.kind, role))
    degrees = [contour[step] for step in steps]
    _end_line(degrees, role, question=phrase.line.is_question)
    sung = zip(steps, [*steps[1:], phrase.steps], degrees, syllables, strict=False)
    base = part.start + phrase.start
    return [
        _note(base + step, base + until, degree, syllable, under[step], key, metre, low)
        for step, until, degree, syllable in sung
    ]


def _note(
    step: int, until: int, degree: int, syllable: Syllable, chord: Chord, key: Key, metre: Metre,
    low: int,
) -> SungNote:  # fmt: skip
    start = metre.seconds_at(step)
    length = min((metre.seconds_at(until) - start) * 0.96, _LONGEST_NOTE)
    lift = 1 if chord.raises_seventh and degree % 7 == 6 else 0  # noqa: PLR2004 - leading tone
    level = 0.75 + 0.2 * metre.strength(step) * syllable.stress
    pitch = low + key.semitones(degree) + lift
    return SungNote(step, start, length, degree, pitch, level, syllable, chord)


def _contour(
    chords: Sequence[Chord], metre: Metre, centre: int, chance: np.random.Generator
) -> list[int]:
    """Walk a degree for each step: chord tones on beats, steps between, one arch in all."""
    count = len(chords)
    height, lean = float(chance.uniform(1.2, 3.0)), float(chance.uniform(0.6, 1.4))
    contour, before = list[int](), centre + int(chance.integers(-1, 2))
    for step in range(count):
        luck = chance.gumbel(0.0, 0.55, size=12)
        if step % 2 and contour:
            contour.append(before)
            continue
        aim = centre - 1 + height * float(np.sin(np.pi * (step / count) ** lean))
        on_beat = step % metre.steps_per_beat == 0
        before = max(
            range(-2, 10),
            key=lambda degree: luck[degree + 2] + _fit(degree, before, aim, chords[step], on_beat=on_beat),
        )
        contour.append(before)
    return contour


def _fit(degree: int, before: int, aim: float, chord: Chord, *, on_beat: bool) -> float:
    """Say how well a degree follows `before` here; greater is better."""
    leap = abs(degree - before)
    smooth = (-0.5, 0.6, 0.0, -0.7)[leap] if leap < 4 else -1.2 * leap  # noqa: PLR2004 - a fourth
    within = degree % 7 in chord.degrees
    consonant = (2.4 if within else -1.6) if on_beat else (0.5 if within else 0.0)
    return smooth + consonant - 0.45 * abs(degree - aim)


def _end_line(degrees: list[int], role: str, *, question: bool) -> None:
    """Bring the line home (c), leave it open (b), or let it ask: the last notes rise."""
    if question:
        last = degrees[-2] if len(degrees) > 1 else 2
        degrees[-1] = max(last + 2, 4)
        return
    if role == "a":
        return
    targets = (0, 7) if role == "c" else (1, 4)
    before = degrees[-2] if len(degrees) > 1 else degrees[-1]
    degrees[-1] = min(targets, key=lambda target: abs(target - before))
    if len(degrees) > 2:  # noqa: PLR2004 - a line long enough to prepare its end
        degrees[-2] = degrees[-1] + (1 if before >= degrees[-1] else -1)
