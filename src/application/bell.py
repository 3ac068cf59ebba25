"""Waking those who wait for something to do."""

from __future__ import annotations

from threading import Condition


class Bell:
    """Counts its rings, so that none is missed between looking and waiting.

    Never to be rung from a signal handler: the thread that it interrupts may hold the bell.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it was rung."""
        return self._rings

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until it was rung more often than that, or so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings != seen, timeout=seconds)
