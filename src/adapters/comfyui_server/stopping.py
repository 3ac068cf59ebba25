"""Asking whether a render must stop, not too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from application.ports.media_renderer import RenderWatch

ASK_EVERY: Final = 0.1  # seconds


class StopAskedError(Exception):
    """Whoever watches wants the job to stop."""


class StopCheck:
    """Asks a watch, ten times a second at most."""

    def __init__(self, watch: RenderWatch, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock
        self._ask_at = 0.0

    def check(self) -> None:
        """Raise StopAskedError if the render must stop."""
        now = self._clock.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + ASK_EVERY
            if self._watch.must_stop():
                self._ask_at = 0.0
                raise StopAskedError

    def sleep(self, seconds: float) -> None:
        """Wait, unless the render must stop."""
        until = self._clock.monotonic() + seconds
        while True:
            self.check()
            left = until - self._clock.monotonic()
            if left <= 0:
                return
            self._clock.sleep(min(left, ASK_EVERY))
