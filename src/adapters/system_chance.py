"""The machine's own chance."""

from __future__ import annotations

import random


class SystemChance:
    """Real chance."""

    def fraction(self) -> float:
        """A number from 0 to 1."""
        return random.random()  # noqa: S311 - spreads waits, guards no secret
