"""Measured values, and statistics for a shared and noisy machine."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one quantity, all in the same unit, in the order of measurement.

    Raises:
        ValueError: there are none.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("a sample needs at least one value")

    @property
    def median(self) -> float:
        """The middle."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and third quartiles."""
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    def percentile(self, percent: float) -> float:
        """The smallest value that at least so many percent do not exceed (nearest rank)."""
        rank = max(1, math.ceil(percent / 100 * len(self.values)))
        return sorted(self.values)[rank - 1]

    def minus(self, other: Sample) -> Sample:
        """The differences of values that were measured side by side."""
        pairs = zip(self.values, other.values, strict=True)
        return Sample(tuple(ours - theirs for ours, theirs in pairs))

    def over(self, other: Sample) -> Sample:
        """The ratios of values that were measured side by side."""
        pairs = zip(self.values, other.values, strict=True)
        return Sample(tuple(ours / theirs for ours, theirs in pairs))

    def scaled(self, factor: float) -> Sample:
        """The values in another unit."""
        return Sample(tuple(value * factor for value in self.values))

    def shown(self, digits: int = 2) -> str:
        """The median, followed by the quartiles."""
        low, high = self.quartiles
        return f"{self.median:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def interleaved(
    rounds: int,
    turns: Mapping[str, Callable[[], float]],
    *,
    warm_up: int = 0,
    budget: float = math.inf,
) -> dict[str, Sample]:
    """Let each measurement have its turn in each round, so that noise affects all alike.

    Every second round runs backwards, so that none always follows the same neighbour.

    Args:
        rounds: number of values for each sample.
        turns: measurements by name; each returns one value.
        warm_up: number of rounds before those that count.
        budget: seconds after which no further round begins; three are always run.
    """
    values: dict[str, list[float]] = {name: [] for name in turns}
    deadline = time.monotonic() + budget
    for number in range(-warm_up, rounds):
        if number >= _FEWEST_ROUNDS and time.monotonic() >= deadline:
            break
        order = list(turns) if number % 2 == 0 else list(turns)[::-1]
        for name in order:
            value = turns[name]()
            if number >= 0:
                values[name].append(value)
    return {name: Sample(tuple(measured)) for name, measured in values.items()}
