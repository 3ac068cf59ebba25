"""Whether the main loop still goes round."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pulse:
    """Beats as long as somebody says so often enough.

    Args:
        monotonic: seconds since some moment.
        longest_seconds: between two beats of something alive; may be replaced.
    """

    def __init__(self, monotonic: Callable[[], float], longest_seconds: float) -> None:
        self._monotonic = monotonic
        self.longest_seconds = longest_seconds
        self._beat_at = monotonic()

    def beat(self) -> None:
        """Say so."""
        self._beat_at = self._monotonic()

    def is_beating(self) -> bool:
        """Whether the last beat is recent enough."""
        return self._monotonic() - self._beat_at <= self.longest_seconds
