"""The form: which lines are sung, and how long each takes, so that the song fits its time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from adapters.sketch.audio_lyrics import Line, Section
from adapters.sketch.audio_metre import Metre

_RATES = (2.4, 3.0, 3.7, 4.5, 5.8)
"""Syllables a second, from leisurely to nimble: the first at which all fits is taken.

All but the last are for 100 beats a minute; slow songs sing slower, fast ones faster.
"""

TAIL = 2.0
"""Seconds in which the last chord dies away."""

_USABLE = 0.84
"""The share of a phrase that has onsets; the rest is the last note and a breath."""


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
        slots = steps * _USABLE
        if syllables <= min(slots * metre.step_seconds * rate, slots - 1):
            return steps
    return choices[-1]
