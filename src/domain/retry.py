"""Which failures are worth another try, how often, and how long to wait in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.failure import Failure


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter, for failures that pass.

    Attributes:
        max_attempts: of one acceptance, for a failure that may pass by itself.
        base_seconds: the wait before the second attempt; each further one doubles it.
        longest_seconds: bound of a wait, before the jitter.
        max_crashes: how often a worker may die over one prompt before it is given up.
    """

    max_attempts: int = 3
    base_seconds: float = 10.0
    longest_seconds: float = 3600.0
    max_crashes: int = 10

    def wait(self, failure: Failure, attempt: int, chance: float) -> float | None:
        """Seconds until the next attempt, or None when there is none.

        Args:
            failure: that ended the attempt.
            attempt: its number, counted from 1.
            chance: 0 to 1, spreads the wait over half to one and a half times its length, so
                that prompts that failed together do not come back together.
        """
        if not failure.code.passes or attempt >= self.max_attempts:
            return None
        doubled = self.base_seconds * 2.0 ** min(attempt - 1, 60)
        return min(doubled, self.longest_seconds) * (0.5 + chance)

    def gives_up_after(self, crashes: int) -> bool:
        """Whether so many dead workers are enough."""
        return crashes >= self.max_crashes
