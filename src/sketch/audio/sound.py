"""Sound: mono `Samples` and stereo `Stereo` arrays at one fixed rate, and what makes them.

Oscillators read one cycle of a wave, built from its harmonics, at any pitch. Randomness comes from
one stream of numbers for each seed and purpose, so that it can be repeated.
"""

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt


def stream(seed: int, *purpose: object) -> np.random.Generator:
    """Give a generator that depends on `seed` and `purpose` alone, not on what was drawn before."""
    name = "\x1f".join([str(seed), *map(str, purpose)])
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def seed_from(text: str) -> int:
    """Give the seed, 0 .. 2**32 - 1, that a text stands for when none was chosen."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big")


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


_SIZE = 2048


def table(amplitudes: npt.ArrayLike) -> Samples:
    """Give one cycle, shape (2049,), whose harmonics 1, 2, ... have these amplitudes; peak 1."""
    strengths = np.asarray(amplitudes, dtype=np.float64)
    spectrum = np.zeros(_SIZE // 2 + 1, dtype=np.complex128)
    count = min(strengths.size, _SIZE // 2)
    spectrum[1 : count + 1] = -1j * strengths[:count]
    cycle = np.fft.irfft(spectrum)
    cycle /= max(float(np.abs(cycle).max()), 1e-9)
    return np.append(cycle, cycle[0]).astype(np.float32)


def saw(hz: float, tilt: float = 1.0, top: float = 16_000.0) -> Samples:
    """Give a table of harmonics 1/k**tilt that stay below `top` Hz (and the Nyquist frequency)."""
    count = int(np.clip(min(top, RATE * 0.45) / hz, 1, 400))
    harmonics = np.arange(1, count + 1)
    return table(harmonics**-tilt * np.cos(harmonics / (count + 1) * np.pi / 2))


def read(cycle: Samples, phase: npt.NDArray[np.float64]) -> Samples:
    """Read a table at `phase`, in cycles, shape (n,), with linear interpolation."""
    place = (phase - np.floor(phase)) * _SIZE
    index = place.astype(np.int64)
    share = (place - index).astype(np.float32)
    below = cycle[index]
    return below + (cycle[index + 1] - below) * share


def steady_phase(hz: float, count: int, offset: float = 0.0) -> npt.NDArray[np.float64]:
    """Give the phase in cycles of a steady tone of `hz`, shape (count,)."""
    return np.arange(count, dtype=np.float64) * (hz / RATE) + offset


def vibrato_phase(
    hz: float, count: int, depth: float, rate: float = 5.3, delay: float = 0.25
) -> npt.NDArray[np.float64]:
    """Give the phase of a tone that sways by the share `depth`, `rate` times a second."""
    times = np.arange(count) / RATE
    sway = depth * np.clip((times - delay) / 0.3, 0.0, 1.0) * np.sin(2 * np.pi * rate * times)
    phase: npt.NDArray[np.float64] = np.cumsum(hz / RATE * (1.0 + sway))
    return phase
