"""Child processes that can be killed, suspended and waited for."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

END_TIMEOUT = 180.0  # seconds; a busy machine is no fault
_PRINT_SECONDS = 2.0
UNEXPECTED_EXCEPTION = 70
"""The exit code of a process that ended with an unexpected exception."""


class ViolationError(Exception):
    """A guarantee does not hold; the message says which."""


class HangError(ViolationError):
    """A process did not end in time."""


@dataclass(slots=True)
class ChildProcess:
    """A child of this process, and the leader of its own process group.

    Attributes:
        pid: its process id.
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
        """Whether it ended with an error, without being killed."""
        return self.code not in {None, 0}

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Suspend it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue it after `stop`."""
        os.kill(self.pid, signal.SIGCONT)

    def has_ended(self) -> bool:
        """Whether it has ended, without waiting."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        return self.status is not None

    def wait(self) -> ChildProcess:
        """Wait until it ends.

        Raises:
            HangError: it did not end.
            ViolationError: it ended with a signal or an unexpected exception.
        """
        self._wait(stopped=False)
        if self.code is not None and (self.code < 0 or self.code == UNEXPECTED_EXCEPTION):
            raise ViolationError(f"process {self.pid} ended with {self.code}")
        return self

    def wait_for_stop(self) -> bool:
        """Wait until it stops or ends; return whether it stopped.

        Raises:
            HangError: it did neither.
        """
        self._wait(stopped=True)
        return self.status is None

    def _wait(self, *, stopped: bool) -> None:
        deadline = time.monotonic() + END_TIMEOUT
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | (os.WUNTRACED if stopped else 0))
            if pid and os.WIFSTOPPED(status):
                return
            if pid:
                self.status = status
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGABRT)  # it prints the stacks of its threads
                time.sleep(_PRINT_SECONDS)
                self.kill()
                os.waitpid(self.pid, 0)
                raise HangError(f"process {self.pid} did not end within {END_TIMEOUT:g} seconds")
            else:
                time.sleep(0.002)
