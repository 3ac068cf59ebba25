"""SIGINT, SIGTERM and SIGHUP as requests to stop."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from entrypoints.cli.invocation import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from application.signals import StopRequest


class Interruption:
    """The signal that stopped a command, if any.

    Attributes:
        exit_code: the exit code for that signal; None while there was none.
    """

    def __init__(self) -> None:
        self.exit_code: ExitCode | None = None


class InterruptedAgain(KeyboardInterrupt):
    """A second signal arrived: the command stops at once.

    Attributes:
        exit_code: the exit code for that signal.
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
    """Make the request at the first signal, for as long as the block lasts.

    A signal that is ignored stays ignored (``nohup`` ignores SIGHUP).

    Raises:
        InterruptedAgain: a second signal arrived.
    """
    interruption = Interruption()

    def handle(number: int, _: FrameType | None) -> None:
        exit_code = _CODES[signal.Signals(number)]
        if stop.made:
            raise InterruptedAgain(exit_code)
        interruption.exit_code = exit_code
        stop.make()

    handled = [number for number in _CODES if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
