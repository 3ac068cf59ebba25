"""How long to wait for a server and a job, and when to ask.

Moments are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from domain.retry import Backoff

if TYPE_CHECKING:
    from adapters.comfyui_server.client import ServerError
    from application.ports.media_renderer import RenderContext
    from application.ports.system import Clock

STOP_INTERVAL: Final = 0.1
"""Seconds between two checks whether a render must stop."""

RECORD_SECONDS: Final = 1.0
"""How old the record of a job may be when the job is submitted; an older one is renewed first."""

LATE_SECONDS: Final = 9.0
"""Age of a job's record after which a server that does not have the job will not get it either.

Until then its worker may be about to submit it, or its request may be on the way: this is more than
the age of the record and the limits of a request together. Ages are known to a second.
"""

_OUTAGE_BACKOFF = Backoff(base_seconds=0.05, max_seconds=0.8)

_MIN_POLL, _POLL_GROWTH, _MAX_POLL = 0.02, 1.4, 1.0  # of the history, without a socket
_SOCKET_POLL = 2.0  # of the history, with a socket: in case it fails to tell the end
_SUCCESS_TO_HISTORY = 0.01  # first comes the message, then the history, then another message
_MIN_POLL_AFTER_END = 0.004
_FIRST_QUEUE_POLL, _QUEUE_POLL = 1.0, 2.0
_RUNNING_QUEUE_POLL = 10.0  # with a socket; a deleted job makes no message


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server and its jobs may take. Times are in seconds.

    Attributes:
        seconds: for a job, from the start of its execution; also for a queue that does not move.
        stall_seconds: without a message from a running job; 0 means no such limit.
        unreachable_seconds: how long a server may fail to answer.
        preview_method: how the server makes previews of a running job; "" leaves it to the server.
        free_memory: whether a server that ran out of memory is asked to free it, and the job
            tried once more.
        max_files: how many files one job may leave.
        max_bytes: the size of all its files together.
    """

    seconds: float = 900.0
    stall_seconds: float = 600.0
    unreachable_seconds: float = 30.0
    preview_method: str = ""
    free_memory: bool = False
    max_files: int = 500
    max_bytes: int = 2 * 1024**3


class OverdueReason(StrEnum):
    """The limit that a job exceeded."""

    OVERTIME = "overtime"  # it ran longer than the time limit
    STALLED = "stalled"  # it runs, and sent no message for longer than the stall limit
    QUEUE_STUCK = "queue_stuck"  # it waits, and nothing in the queue moves
    QUEUE_BUSY = "queue_busy"  # it waits behind a job of another client, which runs


class Deadline:
    """A time limit that starts again when something shows that things move.

    Attributes:
        at: when it is reached.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self.at = now + seconds

    def restart(self, now: float) -> None:
        """Count from now."""
        self.at = now + self._seconds


class StallDetector:
    """Notices that a job stopped sending messages.

    Silence means something only while the socket works: after it delivered a message of the job, or
    after the queue said that the job runs while the present connection delivers frames.

    Attributes:
        at: when the job counts as stalled; infinite while silence means nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds or math.inf
        self.at = math.inf

    def message_received(self, now: float) -> None:
        """The job sent a message."""
        self.at = now + self._seconds

    def job_running(self, now: float) -> None:
        """The queue holds the job as running, and the socket works; silence counts from now.

        Nothing changes for a job whose silence is measured already: a running job is not proof
        that it moves.
        """
        if self.at == math.inf:
            self.at = now + self._seconds

    def connection_changed(self) -> None:
        """Silence means nothing for now."""
        self.at = math.inf


@dataclass(slots=True)
class Outage:
    """How long a server has failed to answer, and when it is asked again.

    Attributes:
        seconds: how long it may last.
        clock: what to measure with.
    """

    seconds: float
    clock: Clock
    _since: float = 0.0
    _failures: int = 0

    def pause(self, error: ServerError) -> float:
        """Seconds to wait before the next try; raises the error if the outage lasts too long."""
        now = self.clock.monotonic()
        if not self._failures:
            self._since = now
        if not error.temporary or now - self._since >= self.seconds:
            raise error
        self._failures += 1
        return _OUTAGE_BACKOFF.wait(self._failures)

    def end(self) -> None:
        """The server answered."""
        self._failures = 0


class PollSchedule:
    """When to ask a server about a job: its history decides, the socket saves requests.

    Attributes:
        history_due: when to ask for the history.
        queue_due: when to ask for the queue too, if the history says nothing.
    """

    def __init__(self, now: float) -> None:
        self._history_asked = now
        self._interval = _MIN_POLL
        self._has_socket = False
        self._ended = False
        self.history_due = now + _MIN_POLL
        self.queue_due = now + _FIRST_QUEUE_POLL

    def message_received(self) -> None:
        """The socket works, and will tell the end."""
        if not self._has_socket and not self._ended:
            self._has_socket = True
            self.history_due = self._history_asked + _SOCKET_POLL

    def ask_both(self, at: float) -> None:
        """Ask for history and queue: the socket is gone, or may have missed something."""
        self._has_socket = False
        self._interval = _MIN_POLL
        self.history_due = self.queue_due = at

    def job_ended(self, now: float, *, final: bool) -> None:
        """The socket said that the job is over; ``final`` if the history must know it already."""
        if not self._ended:
            self._ended = True
            self._interval = _MIN_POLL_AFTER_END
        self.history_due = min(self.history_due, now if final else now + _SUCCESS_TO_HISTORY)

    def history_empty(self, now: float) -> None:
        """The history was asked and does not know the end."""
        self._history_asked = now
        if self._has_socket and not self._ended:
            self.history_due = now + _SOCKET_POLL
            return
        self.history_due = now + self._interval
        self._interval = min(self._interval * _POLL_GROWTH, _MAX_POLL)

    def queue_asked(self, now: float, *, running: bool) -> None:
        """The queue was asked and holds the job."""
        is_watched = running and self._has_socket
        self.queue_due = now + (_RUNNING_QUEUE_POLL if is_watched else _QUEUE_POLL)


class StopRequestedError(Exception):
    """The render must stop."""


@dataclass(slots=True)
class StopCheck:
    """Asks whether a render must stop, ten times a second at most."""

    context: RenderContext
    clock: Clock
    _ask_at: float = 0.0

    def check(self) -> None:
        """Raise StopRequestedError if the render must stop."""
        now = self.clock.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + STOP_INTERVAL
            if self.context.must_stop():
                self._ask_at = 0.0
                raise StopRequestedError

    def sleep(self, seconds: float) -> None:
        """Wait; raise StopRequestedError if the render must stop."""
        until = self.clock.monotonic() + seconds
        while True:
            self.check()
            left = until - self.clock.monotonic()
            if left <= 0:
                return
            self.clock.sleep(min(left, STOP_INTERVAL))
