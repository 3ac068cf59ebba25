"""When to lose patience with a job on a server. Times are seconds of one monotonic clock."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.queue_sight import QueueSight


class Overdue(StrEnum):
    """Why a job is not waited for any longer."""

    OVERTIME = "overtime"  # it ran longer than the time limit
    STALLED = "stalled"  # it runs, and gave no sign for longer than the stall limit
    QUEUE_STUCK = "queue_stuck"  # it waits, and nothing in the queue moves


class Patience:
    """Knows when a job began and when it last gave a sign of life.

    Silence tells something only as long as the socket told of the job before.

    Attributes:
        began: when it was seen to run, or None while it waits.
    """

    def __init__(self, limits: ServerLimits, now: float) -> None:
        self._limits = limits
        self._last_sign = now
        self._sight: QueueSight | None = None
        self._heard = False
        self.began: float | None = None

    def runs(self, now: float) -> None:
        """It is known to run."""
        if self.began is None:
            self.began = now
            self._last_sign = now

    def sign(self, now: float) -> None:
        """Something was heard of it."""
        self._last_sign = now
        self._heard = True

    def deaf(self) -> None:
        """Nothing can be heard of it for now."""
        self._heard = False

    def queue_seen(self, sight: QueueSight, job: str, now: float) -> None:
        """The queue was looked at; that others come and go ahead of a job shows that it moves.

        What others add behind it is no sign, and is one all the same: nobody can tell.
        """
        if job in sight.running:
            self.runs(now)
        elif sight != self._sight:
            self._last_sign = now
        self._sight = sight

    def overdue(self, now: float) -> Overdue | None:
        """Whether patience has ended, and why."""
        if self.began is None:
            waited = now - self._last_sign
            return Overdue.QUEUE_STUCK if waited >= self._limits.seconds else None
        if now - self.began >= self._limits.seconds:
            return Overdue.OVERTIME
        return Overdue.STALLED if now >= self._stalled_at() else None

    def next_limit(self) -> float:
        """The moment at which patience ends unless something happens."""
        if self.began is None:
            return self._last_sign + self._limits.seconds
        return min(self.began + self._limits.seconds, self._stalled_at())

    def blocker(self, job: str) -> str:
        """A job that keeps the server busy: this one, or what it waits behind; "" for none."""
        sight = self._sight
        if self.began is not None or sight is None:
            return job
        ahead = sorted(sight.running) or sorted(sight.waiting - {job})
        return ahead[0] if ahead else ""

    def _stalled_at(self) -> float:
        stall = self._limits.stall_seconds
        return self._last_sign + stall if self._heard and stall > 0 else math.inf
