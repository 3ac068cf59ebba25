"""Who holds a render, and when its lease has run out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, distinct from every other one that ever had its number.

    Attributes:
        host: name of the machine, for people; it may change while the process runs.
        boot: identifies one start of one machine; "" where the system has no such identifier.
        namespace: of process numbers (a container has its own); "" where there is only one.
        pid: number of the process in that namespace.
        started: start time in the system's own unit; only ever compared.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str


class Liveness(StrEnum):
    """Whether a process is alive, as far as is known."""

    ALIVE = "alive"  # it runs
    DEAD = "dead"  # it certainly does not run
    UNKNOWN = "unknown"  # it cannot be seen from here; only its heartbeat shows


class Termination(StrEnum):
    """Result of ending the workflow of a lost worker."""

    ENDED = "ended"  # certainly none of it runs any more
    ALIVE = "alive"  # part of it still runs on this machine
    OUT_OF_SIGHT = "out of sight"  # it ran where this process can neither see nor end it


def liveness(owner: ProcessIdentity, me: ProcessIdentity, started_now: str | None) -> Liveness:
    """Whether the owner of a render is alive, as far as can be seen from here.

    Machines are identified by their boot because names are changed and shared. A number says
    nothing about a process in another namespace, even on the same machine.

    Args:
        owner: the process that holds the render.
        me: this process.
        started_now: start time of the process that has the owner's number on this machine now;
            None when there is none.
    """
    if not owner.boot or not me.boot or owner.namespace != me.namespace:
        return Liveness.UNKNOWN
    if owner.boot == me.boot:
        return Liveness.ALIVE if started_now == owner.started else Liveness.DEAD
    return Liveness.DEAD if owner.host == me.host else Liveness.UNKNOWN  # restarted since then


_MAX_COUNTED = 1_000_000_000  # earlier versions counted heartbeats; no render has that many


def heartbeat_time(heartbeat: int, claimed_at: datetime) -> datetime | None:
    """When a live render's lease was last renewed, by its owner's clock; None if unknown.

    Only for display and for warnings: the clocks of two machines differ.

    Args:
        heartbeat: the last one; 0 before the first.
        claimed_at: when the lease began, in UTC.
    """
    if heartbeat == 0:
        return claimed_at
    return datetime.fromtimestamp(heartbeat, UTC) if heartbeat > _MAX_COUNTED else None


@dataclass(slots=True)
class _Observed:
    heartbeat: int
    unchanged_seconds: float = 0.0
    has_changed: bool = False


@dataclass(slots=True)
class LeaseObserver:
    """Watches heartbeats and finds those that have not changed for a whole lease.

    Time counts only while the observer itself is awake: when two observations lie further apart
    than ``max_gap``, the observer (or the whole machine) slept, and so may have the owners.

    Attributes:
        lease_seconds: how long a heartbeat may stay the same.
        max_gap: the most seconds that count between two observations.
    """

    lease_seconds: float
    max_gap: float
    _observed: dict[int, _Observed] = field(default_factory=dict)
    _observed_at: float | None = None

    def observe(self, now: float, heartbeats: Mapping[int, int]) -> frozenset[int]:
        """Record the heartbeats of all live renders, and return those whose lease has run out.

        Args:
            now: seconds on a monotonic clock.
            heartbeats: the last one of each render, by the render's number.
        """
        passed = 0.0
        if self._observed_at is not None:
            passed = min(max(now - self._observed_at, 0.0), self.max_gap)
        self._observed_at = now
        self._observed = {
            render: self._after(render, heartbeat, passed)
            for render, heartbeat in heartbeats.items()
        }
        return frozenset(
            render
            for render, observed in self._observed.items()
            if observed.unchanged_seconds >= self.lease_seconds
        )

    def has_changed(self, render: int) -> bool:
        """Whether a live render's heartbeat has changed since it was first observed."""
        return render in self._observed and self._observed[render].has_changed

    def _after(self, render: int, heartbeat: int, passed: float) -> _Observed:
        before = self._observed.get(render)
        if before is None:
            return _Observed(heartbeat)
        if before.heartbeat != heartbeat:
            return _Observed(heartbeat, has_changed=True)
        return _Observed(heartbeat, before.unchanged_seconds + passed, before.has_changed)
