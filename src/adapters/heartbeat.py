"""The thread that lets the heart beat while renders take their time."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def beating(tick: Callable[[], None], every_seconds: float) -> Iterator[None]:
    """Call ``tick`` again and again, in a thread of its own, until the block ends."""
    ended = Event()

    def beat() -> None:
        while not ended.wait(every_seconds):
            tick()

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
