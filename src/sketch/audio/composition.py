"""Composition: from sections of lyrics and a manner to melody, chords, band and a whole score."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sketch.audio import patterns
from sketch.audio.lyrics import Section
from sketch.audio.melody import TAIL, Form, Part, Singer, SungNote, form_of, phrase_notes, pitch_of
from sketch.audio.score import DrumHit, Manner, Score, Stroke
from sketch.audio.sound import stream
from sketch.audio.theory import Chord, Metre, chord_on, progression

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
    pattern = patterns.COMP_PATTERNS[manner.band.comp_pattern]
    strokes = list[Stroke]()
    for bar in bars:
        strums = pattern(manner.metre, stream(seed, "comp", bar.kind, bar.ends_part))
        if bar.kind == "END":
            strums = [patterns.Strum(0, (0, 1, 2, 3, 4), manner.metre.bar, 0.9, 0.06)]
        for strum in strums:
            strokes += _struck(strum, bar, chords[bar.start + strum.step], manner)
    return strokes


def _struck(strum: patterns.Strum, bar: Bar, chord: Chord, manner: Manner) -> Iterator[Stroke]:
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
        pattern = patterns.BASS_PATTERNS["long" if quiet else manner.band.bass_pattern]
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
    beat, metre, hits = patterns.BEATS[manner.band.beat], manner.metre, list[DrumHit]()
    loud = 0.6 + 0.4 * manner.mood.drive
    for bar, before in zip(bars, [bars[0], *bars], strict=False):
        strokes = beat(metre) if bar.has_drums else []
        if bar.ends_part and bar.has_drums and manner.mood.drive >= _SOFT:
            fill = patterns.fill(metre)
            strokes = [hit for hit in strokes if hit.step < fill[0].step] + fill
        if before.ends_part and before.has_drums and manner.mood.drive >= _SOFT:
            strokes.append(patterns.Hit(0, "crash", 0.6))
        for hit in strokes:
            start = metre.seconds_at(bar.start + hit.step)
            hits.append(DrumHit(start, hit.drum, hit.level * bar.level * loud))
    return hits


_LOW_VOICE, _HIGH_VOICE = 46, 54  # MIDI: the lowest tonic of each kind of singer


def compose(
    sections: Sequence[Section],
    manner: Manner,
    seed: int,
    seconds: float,
    at_most: float | None = None,
) -> Score:
    """Write the song: about `seconds`, never above `at_most`; `sections` holds one at least."""
    form = form_of(sections, manner.metre, seconds, at_most)
    chords = _chords(form, manner, seed)
    singer = Singer(manner.key, manner.metre, lowest_tonic(manner, seed), seed)
    melody = [note for part in form.parts for note in _sung(singer, part, chords)]
    bars = bars_of(form, manner)
    band = manner.band
    return Score(
        manner=manner,
        form=form,
        chords=tuple(chords),
        melody=tuple(melody),
        second_voice=tuple(_second_voice(form, melody, singer)),
        comp=tuple(comp(bars, chords, manner, seed)) if band.comp else (),
        sustain=tuple(sustain(bars, chords, manner)) if band.sustain else (),
        lead=tuple(_hook(form, melody, manner.metre)),
        bass=tuple(bass(bars, chords, manner)),
        drums=tuple(drums(bars, manner)),
        seconds=min(manner.metre.seconds_at(form.steps) + TAIL, at_most or seconds),
    )


def lowest_tonic(manner: Manner, seed: int) -> int:
    """Give the MIDI pitch of the singer's lowest tonic: dark songs ask for a low voice."""
    deep = stream(seed, "singer").random() < (0.75 if manner.mood.brightness < 0.3 else 0.4)  # noqa: PLR2004
    lowest = _LOW_VOICE if deep else _HIGH_VOICE
    return lowest + (manner.key.tonic - lowest) % 12


def _chords(form: Form, manner: Manner, seed: int) -> list[Chord]:
    """Give a chord for each step; the introduction borrows from the part whose hook it plays."""
    home = chord_on(manner.key, 0, manner.band.colour)
    parts = {part.start: _part_chords(part, manner, seed) for part in form.parts}
    hook = parts[_hook_part(form).start]
    intro = [hook[step % len(hook)] for step in range(form.intro)]
    return [*intro, *(chord for part in parts.values() for chord in part), *[home] * form.ending]


def _part_chords(part: Part, manner: Manner, seed: int) -> list[Chord]:
    changes = []
    for phrase in part.phrases:
        halves = 1 if phrase.steps < manner.metre.bar else 2
        changes += [phrase.start + phrase.steps * half // 2 for half in range(halves)]
    verse = not part.is_chorus and part.kind != "BRIDGE"
    chance = stream(seed, "chords", part.kind)
    road = progression(manner.key, manner.band, len(changes), verse=verse, chance=chance)
    chords = list[Chord]()
    for chord, start, until in zip(road, changes, [*changes[1:], part.steps], strict=True):
        chords += [chord] * (until - start)
    return chords


def _sung(singer: Singer, part: Part, chords: Sequence[Chord]) -> Iterator[SungNote]:
    own = chords[part.start : part.start + part.steps]
    for phrase in part.phrases:
        yield from phrase_notes(singer, phrase, part, own)


def _second_voice(form: Form, melody: Sequence[SungNote], singer: Singer) -> list[SungNote]:
    """Sing along in the choruses, a third above or whatever the chord has near it."""
    choruses = [(part.start, part.start + part.steps) for part in form.parts if part.is_chorus]
    return [
        _above(note, singer)
        for note in melody
        if any(start <= note.step < stop for start, stop in choruses)
    ]


def _above(note: SungNote, singer: Singer) -> SungNote:
    near = (2, 3, 4)
    above = next((step for step in near if (note.degree + step) % 7 in note.chord.degrees), 2)
    degree = note.degree + above
    return replace(note, degree=degree, pitch=pitch_of(singer, degree, note.chord))


def _hook_part(form: Form) -> Part:
    return next((part for part in form.parts if part.is_chorus), form.parts[0])


def _hook(form: Form, melody: Sequence[SungNote], metre: Metre) -> list[Stroke]:
    """Let the lead instrument announce the hook in the introduction, an octave up."""
    part = _hook_part(form)
    announced = [note for note in melody if 0 <= note.step - part.start < form.intro]
    shift = metre.seconds_at(part.start)
    return [
        Stroke(note.start - shift, note.length, round(note.pitch) + 12, note.level)
        for note in announced
    ]
