"""Telling hooks while prompts are rendered, and for a moment when that is done."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from application.stopping import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.notify import Notifier

SETTLE_SECONDS = 3.0  # what hooks get when all is rendered; the rest is told the next time


@contextmanager
def delivering(notifier: Notifier, stop: StopRequest) -> Iterator[None]:
    """Deliver notices in threads beside the block, then what is due, for a few seconds at most.

    Args:
        notifier: knows the hooks.
        stop: of the work; once it is asked for, nothing more is begun.
    """
    if not notifier.has_hooks:
        yield
        return
    ending = _Ending(stop)
    thread = Thread(target=notifier.run, args=(ending,), name="hooks", daemon=True)
    thread.start()
    try:
        yield
        notifier.settle(SETTLE_SECONDS, ending)
    finally:
        ending.make()
        notifier.ring()
    thread.join()


class _Ending(StopRequest):
    """Asked for by itself, or because the work is to stop."""

    def __init__(self, work: StopRequest) -> None:
        super().__init__()
        self._work = work

    @property
    def made(self) -> bool:
        return super().made or self._work.made
