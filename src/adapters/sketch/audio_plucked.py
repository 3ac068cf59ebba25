"""Plucked strings after Karplus and Strong (1983): noise in a loop that dulls as it turns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.sketch.audio_chance import stream
from adapters.sketch.audio_signal import RATE, Samples, edged, sample_at


@dataclass(frozen=True, slots=True)
class String:
    """What a string is made of."""

    dulling: float
    """0..0.5: how much of its treble each turn takes away."""
    half_life: float
    """Seconds in which the tone at 220 Hz falls to half."""
    softness: int
    """Samples over which the pluck is smoothed: a thumb has more than a pick."""
    position: float
    """Where it is plucked, as a share of its length."""


STRINGS = {
    "steel": String(0.28, 0.9, 3, 0.13),
    "nylon": String(0.42, 0.6, 7, 0.25),
    "bright_pluck": String(0.2, 0.3, 2, 0.09),
    "upright": String(0.46, 0.55, 14, 0.3),
    "pick_bass": String(0.35, 0.8, 5, 0.12),
    "finger_bass": String(0.45, 0.8, 12, 0.2),
}


def pluck(string: String, hz: float, seconds: float, brightness: float) -> Samples:
    """Give the sound of one string let ring for `seconds`; peak about 1."""
    dulling = min(max(string.dulling + 0.16 * (0.5 - brightness), 0.05), 0.5)
    turn = max(int(RATE / hz - dulling), 8)
    count = sample_at(seconds)
    ring = np.zeros(2 * turn + 1 + count, dtype=np.float64)
    ring[1 : turn + 1] = _attack(string, turn, brightness)
    loss = 0.5 ** (1.0 / (string.half_life * max((220 / hz) ** 0.5, 0.6) * hz))
    for start in range(turn + 1, ring.size, turn):
        stop = min(start + turn, ring.size)
        before = ring[start - turn - 1 : stop - turn]
        ring[start:stop] = loss * ((1 - dulling) * before[1:] + dulling * before[:-1])
    heard = _tuned(ring[1:], hz * (turn + dulling) / RATE, count)
    heard /= np.abs(heard).max(initial=1e-6)
    return edged(heard.astype(np.float32), 0.001, min(0.08, seconds / 3))


def _attack(string: String, turn: int, brightness: float) -> npt.NDArray[np.float64]:
    noise = stream(turn, "pluck", string.softness).uniform(-1.0, 1.0, turn)
    width = max(1, round(string.softness * (1.5 - brightness)))
    kernel = np.ones(min(width, turn)) / width
    smooth = np.convolve(np.concatenate([noise, noise]), kernel)[turn - 1 : 2 * turn - 1]
    combed: npt.NDArray[np.float64] = smooth - np.roll(
        smooth, max(1, round(string.position * turn))
    )
    combed -= combed.mean()
    return combed


def _tuned(ring: npt.NDArray[np.float64], ratio: float, count: int) -> npt.NDArray[np.float64]:
    """Read a little faster or slower: the loop has whole samples, pitches have not."""
    tuned: npt.NDArray[np.float64] = np.interp(np.arange(count) * ratio, np.arange(ring.size), ring)
    return tuned
