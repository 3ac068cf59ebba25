"""Rhythm: on which step of its phrase each syllable is sung."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adapters.sketch.audio_metre import Metre

_USABLE = 0.84
_WIDEST = 8


def onsets(
    stresses: Sequence[float], steps: int, metre: Metre, chance: np.random.Generator
) -> list[int]:
    """Give a rising step within 0..steps-1 for each syllable, strong ones on strong places.

    `chance` is the section's groove: with the same stream, lines of one section sound alike.
    Syllables that find no step (more of them than steps) are left out at the end.
    """
    groove = np.array([metre.strength(step) for step in range(steps)])
    groove += chance.uniform(0.0, 0.3, size=steps)
    usable = max(int(steps * _USABLE), 1)
    count = min(len(stresses), usable)
    gap = usable / count
    return _best_walk(np.asarray(stresses[:count]), groove[:usable], gap)


def _best_walk(
    stresses: npt.NDArray[np.float64], groove: npt.NDArray[np.float64], gap: float
) -> list[int]:
    """Find the rising walk with the best sum of stress on groove and of even gaps."""
    count, usable = len(stresses), len(groove)
    widest = min(max(_WIDEST, int(gap * 2)), usable)
    gaps = np.arange(1, widest + 1)
    evenness = -1.1 * np.abs(np.log2(gaps / gap))
    score = np.full(usable, -np.inf)
    first = max(1, min(int(gap), usable - count + 1))
    score[:first] = groove[:first] * (0.3 + stresses[0])
    came_from = np.zeros((count, usable), dtype=np.int64)
    for index in range(1, count):
        reached = np.full((widest, usable), -np.inf)
        for row, step in enumerate(gaps):
            reached[row, step:] = score[: usable - step] + evenness[row]
        came_from[index] = np.argmax(reached, axis=0)
        score = reached.max(axis=0) + groove * (0.3 + stresses[index])
    return _walk_back(score, came_from)


def _walk_back(score: npt.NDArray[np.float64], came_from: npt.NDArray[np.int64]) -> list[int]:
    at = int(np.argmax(score))
    walk = [at]
    for row in came_from[:0:-1]:
        at -= int(row[at]) + 1
        walk.append(at)
    return walk[::-1]
