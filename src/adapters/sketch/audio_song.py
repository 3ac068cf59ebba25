"""Composition: from sections of lyrics and a manner to a whole score."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.sketch import audio_arrangement as arrangement
from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_form import TAIL, Form, Part, form_of
from adapters.sketch.audio_harmony import Chord, chord_on, progression
from adapters.sketch.audio_lyrics import Section
from adapters.sketch.audio_melody import Singer, SungNote, phrase_notes, pitch_of
from adapters.sketch.audio_metre import Metre
from adapters.sketch.audio_score import Manner, Score, Stroke

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
    bars = arrangement.bars_of(form, manner)
    band = manner.band
    return Score(
        manner=manner,
        form=form,
        chords=tuple(chords),
        melody=tuple(melody),
        second_voice=tuple(_second_voice(form, melody, singer)),
        comp=tuple(arrangement.comp(bars, chords, manner, seed)) if band.comp else (),
        sustain=tuple(arrangement.sustain(bars, chords, manner)) if band.sustain else (),
        lead=tuple(_hook(form, melody, manner.metre)),
        bass=tuple(arrangement.bass(bars, chords, manner)),
        drums=tuple(arrangement.drums(bars, manner)),
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
