"""A process that can be killed, stopped and waited for."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

PATIENCE = 180.0  # seconds; a busy machine is no fault
_SECONDS_TO_SHOW = 2.0
MISTAKE = 70
"""The exit code of a process in which an exception met nobody who expected it."""


class FoundError(Exception):
    """Something is not as it must be; the message says what."""


class StuckError(FoundError):
    """A process did not end though nothing keeps it from ending."""


@dataclass(slots=True)
class Hand:
    """A child of this process, the leader of a group of its own.

    Attributes:
        pid: of it.
        status: how it ended, as from waitpid, or None.
    """

    pid: int
    status: int | None = None

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return (
            self.status is not None
            and os.WIFSIGNALED(self.status)
            and os.WTERMSIG(self.status) == signal.SIGKILL
        )

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs and when it was killed."""
        if self.status is None or self.killed:
            return None
        return os.waitstatus_to_exitcode(self.status)

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and badly."""
        return self.code not in {None, 0}

    def kill(self) -> None:
        """Kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Put it to sleep."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Wake it up after a stop."""
        os.kill(self.pid, signal.SIGCONT)

    def has_ended(self) -> bool:
        """Whether it has, without waiting."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        return self.status is not None

    def wait(self) -> Hand:
        """Until it ends.

        Raises:
            FoundError: it did not end, or not in a way that anybody foresaw.
        """
        self._wait(stopped=False)
        if self.code is not None and (self.code < 0 or self.code == MISTAKE):
            raise FoundError(f"process {self.pid} ended with {self.code}")
        return self

    def wait_for_stop(self) -> bool:
        """Until it stops or ends; whether it stopped.

        Raises:
            FoundError: it did neither.
        """
        self._wait(stopped=True)
        return self.status is None

    def _wait(self, *, stopped: bool) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | (os.WUNTRACED if stopped else 0))
            if pid and os.WIFSTOPPED(status):
                return
            if pid:
                self.status = status
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGABRT)  # it shows what its threads do
                time.sleep(_SECONDS_TO_SHOW)
                self.kill()
                os.waitpid(self.pid, 0)
                raise StuckError(f"process {self.pid} did not end within {PATIENCE:g} seconds")
            else:
                time.sleep(0.002)
