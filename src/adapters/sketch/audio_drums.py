"""The drum kit: each drum made of a falling tone and of noise."""

from functools import lru_cache

import numpy as np

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_signal import Samples, edged, sample_at, seconds_axis


def _noise(name: str, seconds: float, half_life: float, differences: int) -> Samples:
    """Give decaying noise; each difference taken lifts its treble by 6 dB an octave."""
    count = sample_at(seconds)
    noise = stream(7, "drum", name).normal(0.0, 1.0, count + differences)
    noise = np.diff(noise, n=differences) / 2**differences
    dying = np.exp2(-np.arange(count, dtype=np.float64) / sample_at(half_life))
    sound: Samples = (noise * dying).astype(np.float32)
    return sound


def _tone(seconds: float, top: float, bottom: float, fall: float, half_life: float) -> Samples:
    """Give a sine that falls from `top` to `bottom` Hz, most of it within `fall` seconds."""
    times = seconds_axis(sample_at(seconds)).astype(np.float64)
    hz = bottom + (top - bottom) * np.exp(-times / fall)
    phase = np.cumsum(hz) / sample_at(1.0)
    return (np.sin(2 * np.pi * phase) * np.exp2(-times / half_life)).astype(np.float32)


def _metal(seconds: float, half_life: float) -> Samples:
    """Give the clang of a cymbal: partials in no simple ratio."""
    times = seconds_axis(sample_at(seconds)).astype(np.float64)
    partials = (2643.0, 3417.0, 4129.0, 5183.0, 6389.0, 7907.0)
    clang = np.mean([np.sin(2 * np.pi * hz * times) for hz in partials], axis=0)
    sound: Samples = (clang * np.exp2(-times / half_life)).astype(np.float32)
    return sound


_SOFTER = {"brush": 0.35, "ride": 0.45, "hat": 0.55, "open_hat": 0.5, "crash": 0.6, "shaker": 0.5}
"""What is all treble sounds louder than its peak says."""


@lru_cache(maxsize=32)
def drum(name: str) -> Samples:
    """Give one stroke on the drum called `name`; peak at most 1."""
    sound = _stroke(name)
    sound = edged(sound, 0.0007, 0.01)
    return sound * np.float32(_SOFTER.get(name, 1.0) / np.abs(sound).max())


def _stroke(name: str) -> Samples:  # noqa: PLR0911 - one return for each drum
    match name:
        case "kick":
            return _tone(0.32, 150, 47, 0.035, 0.075) + 0.08 * _noise(name, 0.32, 0.004, 1)
        case "soft_kick":
            return _tone(0.28, 95, 52, 0.03, 0.06)
        case "snare":
            return 0.55 * _tone(0.24, 240, 180, 0.02, 0.035) + 0.5 * _noise(name, 0.24, 0.05, 1)
        case "clap":
            burst = _noise(name, 0.22, 0.04, 1)
            late = np.roll(burst, sample_at(0.011))
            late[: sample_at(0.011)] = 0
            return burst + late
        case "rim":
            return _tone(0.06, 1700, 1650, 0.01, 0.008) + 0.3 * _noise(name, 0.06, 0.005, 1)
        case "tom" | "floor_tom":
            top = 190 if name == "tom" else 130
            return _tone(0.35, top, top * 0.62, 0.06, 0.09) + 0.05 * _noise(name, 0.35, 0.02, 1)
        case "open_hat" | "ride" | "crash":
            seconds = {"open_hat": 0.2, "ride": 0.45, "crash": 1.4}[name]
            return 0.6 * _noise(name, seconds, seconds / 4.5, 2) + _metal(seconds, seconds / 4.5)
        case "brush":
            swish = np.convolve(_noise(name, 0.16, 0.045, 1), np.ones(5) / 5, mode="same")
            return edged(swish.astype(np.float32), 0.012, 0.02)
        case "shaker":
            return edged(_noise(name, 0.09, 0.03, 2), 0.03, 0.02)
        case _:
            return _noise(name, 0.06, 0.012, 2)
