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

_CENTRES = {"BRIDGE": 3}  # degrees about which a part moves
_SEVENTH = 6  # as a degree counted from 0

_LONGEST_NOTE = 2.2  # seconds; a singer breathes


@dataclass(frozen=True, slots=True)
class Singer:
    """What stays the same all through a song."""

    key: Key
    metre: Metre
    lowest_tonic: int
    """MIDI."""
    seed: int


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
    singer: Singer, phrase: Phrase, part: Part, chords: Sequence[Chord]
) -> list[SungNote]:
    """Sing one phrase over `chords` (one for each step of `part`)."""
    metre, syllables = singer.metre, phrase.line.syllables
    groove = stream(singer.seed, "groove", part.kind, phrase.steps)
    steps = onsets([one.stress for one in syllables], phrase.steps, metre, groove)
    under = chords[phrase.start : phrase.start + phrase.steps]
    role = "c" if phrase is part.phrases[-1] else _ROLES[phrase.place % len(_ROLES)]
    centre = 4 if part.is_chorus else _CENTRES.get(part.kind, 2)
    contour = _contour(under, metre, centre, stream(singer.seed, "contour", part.kind, role))
    degrees = [contour[step] for step in steps]
    _end_line(degrees, role, question=phrase.line.is_question)
    base = part.start + phrase.start
    spans = zip(steps, [*steps[1:], phrase.steps], strict=True)
    return [
        _note(singer, (base + step, base + until), degree, syllable, under[step])
        for (step, until), degree, syllable in zip(spans, degrees, syllables, strict=False)
    ]


def _note(
    singer: Singer, span: tuple[int, int], degree: int, syllable: Syllable, chord: Chord
) -> SungNote:
    step, until = span
    start = singer.metre.seconds_at(step)
    length = min((singer.metre.seconds_at(until) - start) * 0.96, _LONGEST_NOTE)
    level = 0.75 + 0.2 * singer.metre.strength(step) * syllable.stress
    pitch = pitch_of(singer, degree, chord)
    return SungNote(step, start, length, degree, pitch, level, syllable, chord)


def pitch_of(singer: Singer, degree: int, chord: Chord) -> float:
    """Give the MIDI pitch of a degree; under a dominant in minor the seventh is raised."""
    lift = 1 if chord.raises_seventh and degree % 7 == _SEVENTH else 0
    return singer.lowest_tonic + singer.key.semitones(degree) + lift


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
            key=lambda degree: (
                luck[degree + 2] + _fit(degree, before, aim, chords[step], on_beat=on_beat)
            ),
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
