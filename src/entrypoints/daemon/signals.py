"""How signals reach the daemon: SIGTERM and SIGINT end it, SIGHUP lets it read its settings."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Wishes:
    """What signals asked for."""

    def __init__(self) -> None:
        self.stop = ""  # the name of the signal, once one came
        self.reload = False


@contextmanager
def heeding_signals(at_once: Callable[[], None]) -> Iterator[Wishes]:
    """While it lasts, signals are wishes; a second SIGTERM or SIGINT ends the process.

    A signal that is ignored stays so (``nohup`` ignores SIGHUP).

    Args:
        at_once: what must be done before the process ends at a second signal.
    """
    wishes = Wishes()

    def end(number: int, _: FrameType | None) -> None:
        if wishes.stop:
            at_once()
            os._exit(128 + number)
        wishes.stop = signal.Signals(number).name

    def reload(_: int, __: FrameType | None) -> None:
        wishes.reload = True

    wanted = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: reload}
    heeded = {n: f for n, f in wanted.items() if signal.getsignal(n) is not signal.SIG_IGN}
    before = {number: signal.signal(number, handler) for number, handler in heeded.items()}
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
