"""What a sound is here: mono `Samples` and stereo `Stereo` arrays at one fixed rate."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

RATE = 44_100
"""Samples per second of everything that is synthesised."""

Samples: TypeAlias = npt.NDArray[np.float32]
"""Shape (samples,), nominally within -1..1."""

Stereo: TypeAlias = npt.NDArray[np.float32]
"""Shape (2, samples): left, right."""


def sample_at(seconds: float) -> int:
    """Give the index of the sample that sounds at `seconds`."""
    return round(seconds * RATE)


def seconds_axis(count: int) -> Samples:
    """Give the time in seconds of each of `count` samples, shape (count,)."""
    return np.arange(count, dtype=np.float32) / np.float32(RATE)


def place(bus: Samples, sound: Samples, start: int, level: float = 1.0) -> None:
    """Add `sound`, shape (m,), into `bus`, shape (n,), at sample `start`; cut to fit."""
    first = max(start, 0)
    last = min(start + sound.size, bus.size)
    if last > first:
        bus[first:last] += sound[first - start : last - start] * np.float32(level)


def edged(sound: Samples, attack: float, release: float) -> Samples:
    """Fade the first `attack` and last `release` seconds of `sound`, so that it cannot click."""
    shaped = sound.copy()
    rise = min(sample_at(attack), sound.size)
    fall = min(sample_at(release), sound.size)
    shaped[:rise] *= _slope(rise)
    if fall:
        shaped[-fall:] *= _slope(fall)[::-1]
    return shaped


def active_rms(sound: Samples) -> float:
    """Give the root mean square of the 50 ms blocks that are not silent; 0.0 for silence."""
    block = sample_at(0.05)
    whole = sound[: sound.size // block * block].reshape(-1, block)
    power = np.mean(whole.astype(np.float64) ** 2, axis=1)
    loud = power[power > power.max(initial=0.0) * 1e-3]
    return float(np.sqrt(loud.mean())) if loud.size else 0.0


def _slope(count: int) -> Samples:
    ramp = np.arange(count, dtype=np.float32) / np.float32(max(count, 1))
    rise: Samples = np.sin(ramp * np.float32(np.pi / 2)) ** 2
    return rise
