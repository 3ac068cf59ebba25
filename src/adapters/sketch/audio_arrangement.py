"""The arrangement: what the band plays, bar by bar, under a melody that is already there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.sketch import audio_bass, audio_beat, audio_comping
from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_form import TAIL, Form, Part
from adapters.sketch.audio_harmony import Chord
from adapters.sketch.audio_score import DrumHit, Manner, Stroke

_COMP_LOWEST = 50  # MIDI: D below middle C
_POWER_LOWEST = 40
_PAD_LOWEST = 55
_SOFT = 0.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the song and how full the band plays in it."""

    start: int
    """Step, counted from the song's beginning."""
    kind: str
    level: float
    has_drums: bool
    has_sustain: bool
    ends_part: bool


def bars_of(form: Form, manner: Manner) -> list[Bar]:
    """Lay out introduction, parts and ending, growing from a quiet beginning to the choruses."""
    bar = manner.metre.bar
    bars = [
        Bar(at, "INTRO", 0.75, has_drums=False, has_sustain=False, ends_part=False)
        for at in range(0, form.intro, bar)
    ]
    chorus_seen = False
    for index, part in enumerate(form.parts):
        chorus_seen = chorus_seen or part.is_chorus
        drums = manner.mood.drive >= _SOFT or chorus_seen or index > 0
        bars += _part_bars(part, bar, has_drums=drums, has_sustain=chorus_seen or index > 0)
    last = form.steps - form.ending
    return [*bars, Bar(last, "END", 0.85, has_drums=False, has_sustain=True, ends_part=False)]


def _part_bars(part: Part, bar: int, *, has_drums: bool, has_sustain: bool) -> list[Bar]:
    level = 1.0 if part.is_chorus else (0.75 if part.kind == "BRIDGE" else 0.85)
    starts = range(part.start, part.start + part.steps, bar)
    return [
        Bar(
            start, part.kind, level, has_drums and part.kind != "BRIDGE", has_sustain,
            ends_part=start == starts[-1],
        )
        for start in starts
    ]  # fmt: skip


def comp(bars: Sequence[Bar], chords: Sequence[Chord], manner: Manner, seed: int) -> list[Stroke]:
    """Play the chord pattern of the band in all bars; the last bar is one chord, rolled."""
    pattern = audio_comping.PATTERNS[manner.band.comp_pattern]
    strokes = list[Stroke]()
    for bar in bars:
        strums = pattern(manner.metre, stream(seed, "comp", bar.kind, bar.ends_part))
        if bar.kind == "END":
            strums = [audio_comping.Strum(0, (0, 1, 2, 3, 4), manner.metre.bar, 0.9, 0.06)]
        for strum in strums:
            strokes += _struck(strum, bar, chords[bar.start + strum.step], manner)
    return strokes


def _struck(strum: audio_comping.Strum, bar: Bar, chord: Chord, manner: Manner) -> Iterator[Stroke]:
    power = manner.band.colour == "power" and manner.band.comp == "overdrive"
    tones = chord.voiced(_POWER_LOWEST if power else _COMP_LOWEST)
    start = manner.metre.seconds_at(bar.start + strum.step)
    length = manner.metre.seconds_at(bar.start + strum.step + strum.steps) - start
    length += TAIL * (bar.kind == "END")
    places = strum.tones[: len(tones)] if power else strum.tones
    for index, place in enumerate(places):
        octave, tone = divmod(place, len(tones))
        late = start + index * strum.spread
        yield Stroke(late, length, tones[tone] + 12 * octave, strum.level * bar.level)


def sustain(bars: Sequence[Bar], chords: Sequence[Chord], manner: Manner) -> list[Stroke]:
    """Hold each chord for as long as it lasts, in the bars that are to sound full."""
    held = [
        (bar.start + step, bar.level)
        for bar in bars
        if bar.has_sustain or not manner.band.comp or not manner.band.beat
        for step in range(manner.metre.bar)
    ]
    strokes, at = list[Stroke](), 0
    while at < len(held):
        first, level = held[at]
        size = 1
        while at + size < len(held) and held[at + size][0] == first + size and (
            chords[first + size] == chords[first]
        ):  # fmt: skip
            size += 1
        start = manner.metre.seconds_at(first)
        length = manner.metre.seconds_at(first + size) - start
        length += TAIL * (first + size == len(chords))
        lowest = 43 if manner.band.sustain == "cello" else _PAD_LOWEST
        pitches = chords[first].voiced(lowest)
        strokes += [Stroke(start, length, pitch, level) for pitch in pitches]
        at += size
    return strokes


def bass(bars: Sequence[Bar], chords: Sequence[Chord], manner: Manner) -> list[Stroke]:
    """Play the bass pattern of the band; long notes in the introduction and at the end."""
    metre, strokes = manner.metre, list[Stroke]()
    for bar in bars:
        quiet = bar.kind in {"INTRO", "END"}
        pattern = audio_bass.PATTERNS["long" if quiet else manner.band.bass_pattern]
        until = bar.start + metre.bar
        after = chords[min(until, len(chords) - 1)]
        for note in pattern(metre, chords[bar.start : until], after):
            start = metre.seconds_at(bar.start + note.step)
            length = metre.seconds_at(bar.start + note.step + note.steps) - start
            ring = TAIL if bar.kind == "END" else -0.05 * length
            strokes.append(Stroke(start, length + ring, note.pitch, note.level * bar.level))
    return strokes


def drums(bars: Sequence[Bar], manner: Manner) -> list[DrumHit]:
    """Play the beat, a fill at the end of each part, a crash where the next begins."""
    if not manner.band.beat:
        return []
    beat, metre, hits = audio_beat.BEATS[manner.band.beat], manner.metre, list[DrumHit]()
    loud = 0.6 + 0.4 * manner.mood.drive
    for bar, before in zip(bars, [bars[0], *bars], strict=False):
        strokes = beat(metre) if bar.has_drums else []
        if bar.ends_part and bar.has_drums and manner.mood.drive >= _SOFT:
            fill = audio_beat.fill(metre)
            strokes = [hit for hit in strokes if hit.step < fill[0].step] + fill
        if before.ends_part and before.has_drums and manner.mood.drive >= _SOFT:
            strokes.append(audio_beat.Hit(0, "crash", 0.6))
        for hit in strokes:
            start = metre.seconds_at(bar.start + hit.step)
            hits.append(DrumHit(start, hit.drum, hit.level * bar.level * loud))
    return hits
