"""When to ask a server about a job: the history decides, the socket saves asking.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

_FIRST, _GROWTH, _LONGEST = 0.02, 1.4, 1.0  # without a socket that tells
_INFORMED = 2.0  # with one: in case it fails to tell the end
_SUCCESS_TO_HISTORY = 0.01  # first comes the news, then the history, then another message
_FIRST_AFTER_END = 0.004
_QUEUE_FIRST, _QUEUE_NEXT = 1.0, 2.0
_QUEUE_INFORMED = 10.0  # once it runs; a job that is taken from the queue makes no message


class Polling:
    """The moments of the next looks at the history and at the queue.

    Attributes:
        history_due: look at the history then.
        queue_due: look at the queue too, if the history says nothing from then on.
    """

    def __init__(self, now: float) -> None:
        self._history_looked = now
        self._interval = _FIRST
        self._informed = False
        self._ended = False
        self.history_due = now + _FIRST
        self.queue_due = now + _QUEUE_FIRST

    def informed(self) -> None:
        """The socket is alive, and will tell the end."""
        if not self._informed and not self._ended:
            self._informed = True
            self.history_due = self._history_looked + _INFORMED

    def uninformed(self, now: float) -> None:
        """The socket is gone, or came back and may have missed something: look at both."""
        self._informed = False
        self._interval = _FIRST
        self.history_due = self.queue_due = now

    def ended(self, now: float, *, final: bool) -> None:
        """The socket told that the job is over; ``final`` when the history must know it."""
        if not self._ended:
            self._ended = True
            self._interval = _FIRST_AFTER_END
        self.history_due = min(self.history_due, now if final else now + _SUCCESS_TO_HISTORY)

    def history_silent(self, now: float) -> None:
        """The history was asked and does not know the end."""
        self._history_looked = now
        if self._informed and not self._ended:
            self.history_due = now + _INFORMED
            return
        self.history_due = now + self._interval
        self._interval = min(self._interval * _GROWTH, _LONGEST)

    def queue_seen(self, now: float, *, runs: bool) -> None:
        """The queue was asked and holds the job."""
        self.queue_due = now + (_QUEUE_INFORMED if runs and self._informed else _QUEUE_NEXT)
