"""The singing voice: a buzzing source and noise, shaped frame by frame by the mouth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_formants import UPPER
from adapters.sketch.audio_gestures import HOP, Gestures, gestures_of
from adapters.sketch.audio_melody import SungNote
from adapters.sketch.audio_signal import RATE, Samples, sample_at
from adapters.sketch.audio_wavetable import read, saw

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
