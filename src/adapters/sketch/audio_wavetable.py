"""Oscillators: one cycle of a wave, built from its harmonics, read at any pitch."""

import numpy as np
import numpy.typing as npt

from adapters.sketch.audio_signal import RATE, Samples

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
