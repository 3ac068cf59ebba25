"""The clock of this machine, random jitter, and functions that are called at intervals."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class SystemClock:
    """The time of this machine; the wall clock is in UTC."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
    now = staticmethod(partial(datetime.now, UTC))


class SystemJitter:
    """Random jitter."""

    def fraction(self) -> float:
        """A number from 0 to 1."""
        import random

        return random.random()  # noqa: S311 - spreads waits, guards no secret


@contextmanager
def repeating(tick: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call a function repeatedly, in its own thread, while the block runs.

    Args:
        tick: the function; it must not raise.
        seconds: the pause before each call.
    """
    ended = Event()

    def run() -> None:
        while not ended.wait(seconds):
            tick()

    thread = Thread(target=run, name="background", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
