"""How long to wait before a retry, and which failures are retried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.failure import Failure


_MAX_EXPONENT = 60  # every wait has reached its bound by then, and a float might overflow


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by the same factor each time, up to a bound, with optional jitter.

    Attributes:
        base_seconds: the first wait, before jitter.
        max_seconds: the longest wait, before jitter.
        factor: the ratio of each wait to the one before it.
        spread: the smallest and the largest share of a wait that jitter may leave, so that
            things that failed together are not retried together.
    """

    base_seconds: float
    max_seconds: float
    factor: float = 2.0
    spread: tuple[float, float] = (1.0, 1.0)

    def wait(self, failures: int, jitter: float = 0.0) -> float:
        """Seconds until the next attempt.

        Args:
            failures: number of failures in a row so far, at least 1.
            jitter: 0 to 1, from the smallest to the largest share of the wait.
        """
        seconds = self.base_seconds * self.factor ** min(failures - 1, _MAX_EXPONENT)
        smallest, largest = self.spread
        return min(seconds, self.max_seconds) * (smallest + jitter * (largest - smallest))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Which failures of a render are retried, and when.

    Attributes:
        max_attempts: number of attempts for one acceptance, for transient failures.
        base_seconds: the wait before the second attempt; each further one doubles it.
        max_seconds: the longest wait, before jitter.
        max_crashes: number of workers that may die over one prompt before it is given up.
    """

    max_attempts: int = 3
    base_seconds: float = 10.0
    max_seconds: float = 3600.0
    max_crashes: int = 10

    def wait(self, failure: Failure, attempt: int, jitter: float) -> float | None:
        """Seconds until the next attempt, or None when there is none.

        Args:
            failure: what ended the last attempt.
            attempt: number of the last attempt, counted from 1.
            jitter: 0 to 1, spreads the wait over 0.5 to 1.5 times its length, so that prompts
                that failed together are not retried together.
        """
        if not failure.code.is_transient or attempt >= self.max_attempts:
            return None
        return self._backoff.wait(attempt, jitter)

    @property
    def longest_wait(self) -> float:
        """Seconds of the longest wait before the last attempt; 0 if there is only one attempt."""
        if self.max_attempts <= 1:
            return 0.0
        return self._backoff.wait(self.max_attempts - 1, 1.0)

    @property
    def _backoff(self) -> Backoff:
        return Backoff(self.base_seconds, self.max_seconds, spread=(0.5, 1.5))

    def gives_up_after(self, crashes: int) -> bool:
        """Whether this number of dead workers ends a prompt as failed."""
        return crashes >= self.max_crashes
