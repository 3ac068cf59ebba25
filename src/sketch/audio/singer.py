"""The singing voice: a buzzing source and noise, shaped frame by frame by the mouth.

The vowels follow the averages that Peterson and Barney measured (JASA 24, 1952), the upper two
resonances are those of an ordinary adult; consonants follow textbook loci, simplified. Pitch,
loudness, mouth shape and hiss have a value every 5.8 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sketch.audio.melody import SungNote
from sketch.audio.sound import RATE, Samples, read, sample_at, saw, stream

VOWELS: dict[str, tuple[float, float, float]] = {
    "a": (740.0, 1180.0, 2500.0),
    "e": (520.0, 1850.0, 2500.0),
    "i": (290.0, 2250.0, 3000.0),
    "o": (480.0, 850.0, 2450.0),
    "u": (320.0, 800.0, 2300.0),
    "@": (500.0, 1450.0, 2450.0),
    "m": (260.0, 1050.0, 2250.0),
}
"""The three lowest resonances of a low adult voice; a higher voice multiplies them."""

UPPER = (3350.0, 4200.0)


@dataclass(frozen=True, slots=True)
class Consonant:
    """What happens before (or after) the vowel."""

    seconds: float
    voice: float
    """How much of the voice sounds through it, 0..1."""
    shape: tuple[float, float, float] | None
    """Resonances that the voice takes on meanwhile; None keeps those of the vowel."""
    noise: float
    """Level of the noise, 0..1."""
    centre: float
    """Of the noise, in Hz."""
    width: float
    """Of the noise, in Hz."""
    burst: float
    """The share of the time, at its end, in which the noise sounds: 1 hisses, less pops."""


_BILABIAL = (250.0, 750.0, 2200.0)
_DENTAL = (260.0, 1750.0, 2600.0)
_VELAR = (260.0, 1900.0, 2300.0)

CONSONANTS: dict[str, Consonant] = {
    "p": Consonant(0.075, 0.0, None, 0.5, 900, 900, 0.3),
    "t": Consonant(0.075, 0.0, None, 0.6, 4600, 2200, 0.3),
    "k": Consonant(0.08, 0.0, None, 0.6, 2000, 1100, 0.35),
    "b": Consonant(0.055, 0.18, _BILABIAL, 0.2, 700, 700, 0.25),
    "d": Consonant(0.05, 0.18, _DENTAL, 0.25, 3800, 2000, 0.25),
    "g": Consonant(0.06, 0.18, _VELAR, 0.25, 1900, 1000, 0.25),
    "s": Consonant(0.1, 0.0, None, 0.55, 6600, 2200, 0.95),
    "S": Consonant(0.1, 0.0, None, 0.55, 3300, 1500, 0.95),
    "C": Consonant(0.09, 0.0, None, 0.6, 3500, 1700, 0.6),
    "f": Consonant(0.085, 0.0, None, 0.22, 5000, 5000, 0.95),
    "T": Consonant(0.06, 0.25, _DENTAL, 0.14, 5500, 4500, 0.95),
    "h": Consonant(0.07, 0.1, None, 0.22, 1400, 2200, 0.95),
    "v": Consonant(0.06, 0.4, (280.0, 950.0, 2200.0), 0.12, 4500, 4500, 0.95),
    "z": Consonant(0.08, 0.35, _DENTAL, 0.3, 6200, 2200, 0.95),
    "Z": Consonant(0.08, 0.35, _DENTAL, 0.3, 3100, 1500, 0.95),
    "m": Consonant(0.075, 0.5, (250.0, 1000.0, 2200.0), 0.0, 1000, 1000, 1.0),
    "n": Consonant(0.07, 0.5, (260.0, 1450.0, 2450.0), 0.0, 1000, 1000, 1.0),
    "l": Consonant(0.065, 0.6, (350.0, 1000.0, 2700.0), 0.0, 1000, 1000, 1.0),
    "r": Consonant(0.07, 0.6, (320.0, 1080.0, 1600.0), 0.0, 1000, 1000, 1.0),
    "w": Consonant(0.07, 0.6, (290.0, 620.0, 2200.0), 0.0, 1000, 1000, 1.0),
    "j": Consonant(0.065, 0.6, (270.0, 2200.0, 3000.0), 0.0, 1000, 1000, 1.0),
}


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
    duration = sum(sound.seconds for sound in sounds)
    pace = min(1.0, max(room, 0.02) / duration) if sounds else 1.0
    at = note.start - duration * pace
    for sound in sounds:
        _articulate(tracks, sound, at, at + sound.seconds * pace, note.level)
        at += sound.seconds * pace


def _sing_coda(tracks: Gestures, note: SungNote) -> None:
    sounds = [CONSONANTS[letter] for letter in note.syllable.coda if letter in CONSONANTS]
    duration = sum(sound.seconds for sound in sounds)
    pace = min(0.9, 0.3 * note.length / duration) if sounds else 1.0
    at = note.start + note.length - duration * pace
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


_FRAME = 1024
_BLOCK = 512  # frames worked on at once, to stay within the processor's cache
_BINS = np.fft.rfftfreq(_FRAME, 1 / RATE).astype(np.float32)
_Frames = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Throat:
    """Whose voice it is."""

    mouth: float
    """Factor on all resonances: 1.0 is a big, low voice, 1.17 a small, high one."""
    brightness: float
    """0..1."""
    breath: float
    """0..1: how much air is heard."""


def sing(notes: Sequence[SungNote], seconds: float, throat: Throat) -> Samples:
    """Sing `notes`, which may be none; gives a track `seconds` long."""
    count = sample_at(seconds)
    if not notes:
        return np.zeros(count, dtype=np.float32)
    gestures = gestures_of(notes, seconds + _FRAME / RATE)
    source = _source(gestures, throat.breath)
    hiss = stream(11, "hiss").normal(0.0, 0.9, source.size).astype(np.float32)
    sound = np.zeros(source.size, dtype=np.float32)
    frames = (source.size - _FRAME) // HOP
    for first in range(0, frames, _BLOCK):
        rows = slice(first, min(first + _BLOCK, frames))
        if gestures.voice[rows].any() or gestures.noise[rows].any():
            shaped = _shaped(source, hiss, gestures, rows, throat)
            _overlap(sound, shaped, rows.start)
    return sound[_FRAME // 2 :][:count]


def _source(gestures: Gestures, breath: float) -> Samples:
    """Give the glottal buzz with its air, half a frame early so that frames are centred."""
    count = gestures.pitch.size * HOP + _FRAME
    at_frames = np.arange(gestures.pitch.size) * HOP + _FRAME // 2
    hz = 440.0 * 2.0 ** ((gestures.pitch - 69.0) / 12.0)
    phase = np.cumsum(np.interp(np.arange(count), at_frames, hz)) / RATE
    buzz = read(saw(float(hz.max()), 0.85, 15_000.0), phase)
    air = stream(13, "air").normal(0.0, 0.02 + 0.09 * breath, count).astype(np.float32)
    level = np.interp(np.arange(count), at_frames, gestures.voice).astype(np.float32)
    return (buzz + air) * level


def _shaped(
    source: Samples, hiss: Samples, gestures: Gestures, rows: slice, throat: Throat
) -> _Frames:
    """Give the frames `rows` of the voice, shape (rows, 1024), windowed for overlapping."""
    window = np.sqrt(np.hanning(_FRAME + 1)[:-1]).astype(np.float32)
    spectra = np.fft.rfft(_framed(source, rows) * window, axis=1)
    spectra *= _resonances(gestures.shapes[rows] * throat.mouth, throat.brightness)
    noise = gestures.noise[rows, None].astype(np.float32)
    if noise.any():
        offset = _BINS - gestures.centre[rows, None].astype(np.float32)
        band = np.exp(-((offset / gestures.width[rows, None].astype(np.float32)) ** 2))
        spectra += np.fft.rfft(_framed(hiss, rows) * window, axis=1) * (band * noise)
    shaped: _Frames = np.fft.irfft(spectra, axis=1).astype(np.float32) * window * np.float32(0.5)
    return shaped


def _framed(sound: Samples, rows: slice) -> _Frames:
    starts = np.arange(rows.start, rows.stop)[:, None] * HOP
    return sound[starts + np.arange(_FRAME)]


def _resonances(shapes: npt.NDArray[np.float64], brightness: float) -> _Frames:
    """Give the mouth's gain at each frequency, shape (rows, 513), vowels equally loud."""
    squared = _BINS**2
    power = np.ones((shapes.shape[0], _BINS.size), dtype=np.float32)
    upper = np.tile(np.array(UPPER), (shapes.shape[0], 1))
    for column in np.concatenate([shapes, upper], axis=1).astype(np.float32).T[:, :, None]:
        centre = column**2
        width = (np.float32(45.0) + np.float32(0.045) * column) ** 2
        power *= centre**2 / ((centre - squared) ** 2 + width * squared)
    dark = np.float32(2200 + 3800 * brightness)
    power /= 1 + (squared / dark**2)
    power += np.float32(0.002)
    weight = 1 / (squared + np.float32(150.0**2))
    loudness = (power * weight).sum(axis=1, keepdims=True) / weight.sum()
    gain: _Frames = np.sqrt(power) / loudness**0.45
    return gain


def _overlap(sound: Samples, frames: _Frames, first: int) -> None:
    """Add frames into `sound`, each 256 samples after the one before, in four interleaved runs."""
    turns = _FRAME // HOP
    for turn in range(turns):
        run = frames[turn::turns].reshape(-1)
        start = (first + turn) * HOP
        stop = min(start + run.size, sound.size)
        sound[start:stop] += run[: stop - start]
