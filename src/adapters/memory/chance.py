"""Chance that is decided beforehand."""

from __future__ import annotations


class FixedChance:
    """Always the same number."""

    def __init__(self, fraction: float = 0.5) -> None:
        self._fraction = fraction

    def fraction(self) -> float:
        """The number."""
        return self._fraction
