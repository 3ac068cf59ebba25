"""How SIGINT and SIGTERM reach the work."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from entrypoints.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from application.stopping import StopRequest


class Interruption:
    """Which signal came, if any."""

    def __init__(self) -> None:
        self.exit_code: ExitCode | None = None


_CODES = {signal.SIGINT: ExitCode.SIGINT, signal.SIGTERM: ExitCode.SIGTERM}


@contextmanager
def stopping_on_signals(stop: StopRequest) -> Iterator[Interruption]:
    """While it lasts, the first signal asks for the stop and the second one ends the work."""
    interruption = Interruption()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.made:
            raise KeyboardInterrupt
        interruption.exit_code = _CODES[signal.Signals(number)]
        stop.make()

    before = {number: signal.signal(number, handle) for number in _CODES}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
