"""What a singer does over time: pitch, loudness, mouth shape and hiss, a value every 5.8 ms."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from adapters.sketch.audio_formants import CONSONANTS, VOWELS, Consonant
from adapters.sketch.audio_melody import SungNote
from adapters.sketch.audio_signal import RATE

HOP = 256
"""Samples between two values."""

_PER_SECOND = RATE / HOP
_Track = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gestures:
    """Tracks of shape (frames,), `shapes` of shape (frames, 3)."""

    pitch: _Track
    """MIDI, with glides and vibrato."""
    voice: _Track
    """0..1."""
    shapes: _Track
    """The three lowest resonances in Hz."""
    noise: _Track
    """0..1."""
    centre: _Track
    """Of the noise, in Hz."""
    width: _Track
    """Of the noise, in Hz."""


def gestures_of(notes: Sequence[SungNote], seconds: float) -> Gestures:
    """Give the tracks for `notes` (in order, at least one), `seconds` long."""
    count = int(seconds * _PER_SECOND) + 2
    tracks = Gestures(
        np.full(count, float(notes[0].pitch)),
        np.zeros(count),
        np.tile(np.array(VOWELS["@"]), (count, 1)),
        np.zeros(count),
        np.full(count, 2000.0),
        np.full(count, 2000.0),
    )
    for note in notes:
        _sing_vowel(tracks, note)
    _sing_onset(tracks, notes[0], 0.2)
    for before, note in pairwise(notes):
        _sing_onset(tracks, note, 0.45 * (note.start - before.start))
    for note in notes:
        _sing_coda(tracks, note)
    return Gestures(
        _smooth(tracks.pitch, 13) + _vibrato(notes, count),
        _smooth(tracks.voice, 7),
        np.stack([_smooth(column, 9) for column in tracks.shapes.T], axis=1),
        _smooth(tracks.noise, 3),
        tracks.centre,
        tracks.width,
    )


def _frame(seconds: float) -> int:
    return max(round(seconds * _PER_SECOND), 0)


def _sing_vowel(tracks: Gestures, note: SungNote) -> None:
    start, stop = _frame(note.start), _frame(note.start + note.length)
    tracks.pitch[_frame(note.start - 0.04) :] = note.pitch
    tracks.pitch[start : start + 5] -= 0.35  # a scoop from just below
    swell = np.linspace(0.92, 1.0, max(stop - start, 1)) * note.level
    room = tracks.voice[start:stop]
    room[:] = swell[: room.size]
    first = VOWELS[note.syllable.vowel[0]]
    last = VOWELS[note.syllable.vowel[-1]]
    turn = start + (stop - start) * 6 // 10
    tracks.shapes[start:] = first
    tracks.shapes[turn:] = last


def _sing_onset(tracks: Gestures, note: SungNote, room: float) -> None:
    sounds = [CONSONANTS[letter] for letter in note.syllable.onset if letter in CONSONANTS]
    wanted = sum(sound.seconds for sound in sounds)
    pace = min(1.0, max(room, 0.02) / wanted) if sounds else 1.0
    at = note.start - wanted * pace
    for sound in sounds:
        _articulate(tracks, sound, at, at + sound.seconds * pace, note.level)
        at += sound.seconds * pace


def _sing_coda(tracks: Gestures, note: SungNote) -> None:
    sounds = [CONSONANTS[letter] for letter in note.syllable.coda if letter in CONSONANTS]
    wanted = sum(sound.seconds for sound in sounds)
    pace = min(0.9, 0.3 * note.length / wanted) if sounds else 1.0
    at = note.start + note.length - wanted * pace
    for sound in sounds:
        _articulate(tracks, sound, at, at + sound.seconds * pace, note.level * 0.7)
        at += sound.seconds * pace


def _articulate(
    tracks: Gestures, sound: Consonant, start: float, stop: float, level: float
) -> None:
    first, last = _frame(start), max(_frame(stop), _frame(start) + 2)
    tracks.voice[first:last] = sound.voice * level
    if sound.shape is not None:
        tracks.shapes[first:last] = sound.shape
    hiss = last - max(1, round((last - first) * sound.burst))
    tracks.noise[hiss:last] = sound.noise * level
    tracks.centre[first : last + 2] = sound.centre
    tracks.width[first : last + 2] = sound.width


def _vibrato(notes: Sequence[SungNote], count: int) -> _Track:
    """Sway by a quarter of a semitone, 5.6 times a second, in notes long enough for it."""
    times = np.arange(count) / _PER_SECOND
    depth = np.zeros(count)
    for note in notes:
        start, stop = _frame(note.start + 0.2), _frame(note.start + note.length)
        depth[start:stop] = 0.27
    sway = np.sin(2 * np.pi * (5.6 * times + 0.15 * np.sin(2 * np.pi * 0.7 * times)))
    return _smooth(depth, 31) * sway + 0.04 * np.sin(2 * np.pi * 1.3 * times)


def _smooth(track: _Track, width: int) -> _Track:
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(track, width // 2, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
