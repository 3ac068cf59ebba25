"""The port to chance."""

from __future__ import annotations

from typing import Protocol


class Chance(Protocol):
    """Where the application gets what must not be predictable."""

    def fraction(self) -> float:
        """A number from 0 to 1."""
        ...
