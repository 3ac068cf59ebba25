"""Learning that a child has ended without reaping it, and without waiting in steps.

A child that has ended but is not reaped keeps its number, and so does its process group: only
as long as that holds can the group be killed without a danger to strangers.
"""

from __future__ import annotations

import errno
import os
import select
from typing import Any, Protocol


class ExitNotice(Protocol):
    """Tells whether one child has ended.

    Attributes:
        descriptor: becomes readable when the child ends; None when the child must be asked.
        interval: how many seconds may pass before the child is asked again.
    """

    descriptor: int | None
    interval: float

    def ended(self, *, ready: bool) -> bool:
        """Whether the child has ended; ``ready``: the descriptor was found readable."""
        ...

    def close(self) -> None:
        """Let go of the descriptor."""
        ...


class PidfdNotice:
    """Linux 5.3 and later: pidfd_open(2)."""

    interval = 60.0

    def __init__(self, pid: int) -> None:
        opened = getattr(os, "pidfd_open", None)
        if opened is None:  # not Linux, or a Python built for older ones
            raise OSError(errno.ENOSYS, "there are no process descriptors here")
        self.descriptor: int | None = opened(pid)

    def ended(self, *, ready: bool) -> bool:
        """A process descriptor is readable exactly when the process has ended."""
        return ready

    def close(self) -> None:
        """Close the process descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class KqueueNotice:
    """MacOS and the BSDs: kqueue(2), EVFILT_PROC with NOTE_EXIT."""

    interval = 60.0

    def __init__(self, pid: int) -> None:
        kernel: Any = select  # its types know only the system that they are checked on
        if not hasattr(kernel, "kqueue"):
            raise OSError(errno.ENOSYS, "this system has no kernel queues")
        self._queue = kernel.kqueue()
        self.descriptor: int | None = self._queue.fileno()
        self._gone = False
        wish = kernel.kevent(
            pid,
            filter=kernel.KQ_FILTER_PROC,
            flags=kernel.KQ_EV_ADD | kernel.KQ_EV_ONESHOT,
            fflags=kernel.KQ_NOTE_EXIT,
        )
        try:
            self._queue.control([wish], 0, 0)
        except ProcessLookupError:  # it has ended already: the queue does not see zombies
            self._gone = True
            self.interval = 0.0
        except BaseException:
            self._queue.close()
            raise

    def ended(self, *, ready: bool) -> bool:
        """The queue is readable once the process has ended."""
        return ready or self._gone

    def close(self) -> None:
        """Close the queue."""
        self._queue.close()


class PollingNotice:
    """Anywhere else: waitid(2) with WNOWAIT, asked again and again."""

    interval = 0.005

    def __init__(self, pid: int) -> None:
        self.descriptor: int | None = None
        self._pid = pid

    def ended(self, *, ready: bool) -> bool:  # noqa: ARG002 - there is no descriptor
        """Ask the system; the child stays unreaped."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._pid, flags) is not None

    def close(self) -> None:
        """Nothing is held."""


def notice_of(pid: int) -> ExitNotice:
    """The best notice that this system has for a child of ours."""
    kinds: tuple[type[PidfdNotice | KqueueNotice], ...] = (PidfdNotice, KqueueNotice)
    for kind in kinds:
        try:
            return kind(pid)
        except OSError as error:
            # An old kernel, or a sandbox that forbids it; out of descriptors is another matter.
            if error.errno not in {errno.ENOSYS, errno.EPERM, errno.EINVAL}:
                raise
    return PollingNotice(pid)
