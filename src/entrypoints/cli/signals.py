"""How SIGINT, SIGTERM and SIGHUP reach the work."""

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


class InterruptedAgain(KeyboardInterrupt):
    """A second signal came: the work ends at once.

    Attributes:
        exit_code: for that signal.
    """

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__()
        self.exit_code = exit_code


_CODES = {
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGHUP: ExitCode.SIGHUP,
}


@contextmanager
def stopping_on_signals(stop: StopRequest) -> Iterator[Interruption]:
    """While it lasts, the first signal asks for the stop and the second one ends the work.

    A signal that is ignored stays so (``nohup`` ignores SIGHUP).
    """
    interruption = Interruption()

    def handle(number: int, _: FrameType | None) -> None:
        exit_code = _CODES[signal.Signals(number)]
        if stop.made:
            raise InterruptedAgain(exit_code)
        interruption.exit_code = exit_code
        stop.make()

    heeded = [number for number in _CODES if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
