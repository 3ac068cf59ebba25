"""Form and melody: which lines are sung, how long each takes, and on which notes.

Lines are chosen so that the song fits its time. A melody is a contour of degrees for each kind of
line, on which its syllables are sung.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from sketch.audio.lyrics import Line, Section, Syllable
from sketch.audio.sound import stream
from sketch.audio.theory import USABLE, Chord, Key, Metre, onsets

_RATES = (2.4, 3.0, 3.7, 4.5, 5.8)
"""Syllables a second, from leisurely to nimble: the first at which all fits is taken.

All but the last are for 100 beats a minute; slow songs sing slower, fast ones faster.
"""

TAIL = 2.0
"""Seconds in which the last chord dies away."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line and the steps it takes, breath included."""

    line: Line
    start: int
    """Step, counted from the section's beginning."""
    steps: int
    place: int
    """Which line of its section this is, from 0."""


@dataclass(frozen=True, slots=True)
class Part:
    """One section on the grid."""

    kind: str
    is_chorus: bool
    start: int
    """Step, counted from the song's beginning."""
    steps: int
    """Whole bars."""
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """All parts, with the steps of introduction before and of ending after them."""

    parts: tuple[Part, ...]
    intro: int
    ending: int

    @property
    def steps(self) -> int:
        """Steps from the first sound to the last bar line."""
        return self.intro + sum(part.steps for part in self.parts) + self.ending


def form_of(
    sections: Sequence[Section], metre: Metre, seconds: float, at_most: float | None = None
) -> Form:
    """Fit `sections` (at least one) into `seconds`, intro and ending included.

    Before words are left out, the song grows to `at_most` seconds (default: not at all).
    """
    bar_seconds = metre.bar * metre.step_seconds
    intro = metre.bar * (2 if bar_seconds < 2 and seconds > 20 else int(seconds > 12))  # noqa: PLR2004
    pace = min(max((0.15 / metre.step_seconds) ** 0.7, 0.7), 1.4)
    for kept, leisure, limit in _compromises(sections, seconds, at_most or seconds):
        rate = leisure if leisure == _RATES[-1] else leisure * pace
        parts = _laid_out(kept, metre, rate, intro)
        room = int((limit - TAIL) / metre.step_seconds) - intro - metre.bar
        if sum(part.steps for part in parts) <= room:
            return Form(parts, intro, metre.bar)
    return Form(_laid_out(_least(sections[0]), metre, _RATES[-1], 0), 0, metre.bar)


def _compromises(
    sections: Sequence[Section], seconds: float, at_most: float
) -> Iterator[tuple[Sequence[Section], float, float]]:
    """Sing faster first, then longer, then fewer lines, and last fewer sections."""
    for rate in _RATES:
        yield sections, rate, seconds
    yield sections, _RATES[-1], at_most
    for kept in _fewer_lines(sections):
        yield kept, _RATES[-1], seconds


def _fewer_lines(sections: Sequence[Section]) -> Iterator[Sequence[Section]]:
    """Take a line from the longest section, the last of them first; then whole sections."""
    counts = [min(len(section.lines), 12) for section in sections[:40]]
    while max(counts) > 1:
        longest = max(range(len(counts)), key=lambda index: (counts[index], index))
        counts[longest] -= 1
        yield [
            replace(section, lines=section.lines[:count])
            for section, count in zip(sections, counts, strict=False)
        ]
    for count in range(len(counts) - 1, 0, -1):
        yield [replace(section, lines=section.lines[:1]) for section in sections[:count]]


def _least(section: Section) -> Sequence[Section]:
    line = section.lines[0]
    return [replace(section, lines=(replace(line, syllables=line.syllables[:8]),))]


def _laid_out(
    sections: Sequence[Section], metre: Metre, rate: float, start: int
) -> tuple[Part, ...]:
    parts = []
    for section in sections:
        usual = median(len(line.syllables) for line in section.lines)
        phrases, at = [], 0
        for place, line in enumerate(section.lines):
            steps = _phrase_steps(max(usual, len(line.syllables) * 0.9), metre, rate)
            phrases.append(Phrase(line, at, steps, place))
            at += steps
        steps = -(-at // metre.bar) * metre.bar
        parts.append(Part(section.kind, section.is_chorus, start, steps, tuple(phrases)))
        start += steps
    return tuple(parts)


def _phrase_steps(syllables: float, metre: Metre, rate: float) -> int:
    """Give the shortest phrase, of half a bar to eight bars, that `syllables` fit at `rate`."""
    halves = [metre.bar // 2] if metre.beats % 2 == 0 else []
    choices = [*halves, *(metre.bar * bars for bars in (1, 2, 4, 8))]
    for steps in choices:
        slots = steps * USABLE
        if syllables <= min(slots * metre.step_seconds * rate, slots - 1):
            return steps
    return choices[-1]


_ROLES = "abac"
"""Lines one and three of four sing the same; the second stays open, the fourth closes."""

_CENTRES = {"BRIDGE": 3}  # degrees about which a part moves
_SEVENTH = 6  # as a degree counted from 0

_MAX_NOTE_LENGTH = 2.2  # seconds; a singer breathes


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
    length = min((singer.metre.seconds_at(until) - start) * 0.96, _MAX_NOTE_LENGTH)
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
