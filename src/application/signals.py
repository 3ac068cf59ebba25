"""Signals between threads: a request to stop, and a wake-up for workers that wait."""

from __future__ import annotations

from threading import Condition


class StopRequest:
    """A flag that is set once; may be set in a signal handler.

    Attributes:
        made: whether the stop was requested.
        linked: requests that are made together with this one.
    """

    made = False
    linked: tuple[StopRequest, ...] = ()

    def make(self) -> None:
        """Request the stop."""
        self.made = True
        for other in self.linked:
            other.make()


class WakeSignal:
    """Wakes waiting threads; its count shows signals that came before the wait began.

    Never notify in a signal handler: the thread that it interrupts may hold the lock.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """Number of signals so far."""
        return self._count

    def notify(self) -> None:
        """Wake every waiting thread."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until ``count`` differs from ``seen``, or for that many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen, timeout=seconds)
