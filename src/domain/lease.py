"""When a live render's lease has run out, judged without comparing clocks of two machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class _Seen:
    heartbeat: int
    stood_still: float = 0.0


@dataclass(slots=True)
class LeaseObserver:
    """Watches heartbeats, and knows which of them stood still for a whole lease.

    Time counts only while the observer itself is awake: when two looks lie further apart than
    ``longest_gap``, the observer (or the whole machine) slept, and so may have the owners.

    Attributes:
        lease_seconds: how long a heartbeat may stand still.
        longest_gap: seconds between two looks beyond which the time in between counts as
            ``longest_gap`` only.
    """

    lease_seconds: float
    longest_gap: float
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _looked_at: float | None = None

    def look(self, now: float, heartbeats: Mapping[int, int]) -> frozenset[int]:
        """Take note of the heartbeats of all live renders; gives those whose lease ran out.

        Args:
            now: of a monotonic clock, in seconds.
            heartbeats: by the number of the render.
        """
        passed = 0.0
        if self._looked_at is not None:
            passed = min(max(now - self._looked_at, 0.0), self.longest_gap)
        self._looked_at = now
        self._seen = {
            render: self._after(render, heartbeat, passed)
            for render, heartbeat in heartbeats.items()
        }
        return frozenset(
            render for render, seen in self._seen.items() if seen.stood_still >= self.lease_seconds
        )

    def _after(self, render: int, heartbeat: int, passed: float) -> _Seen:
        before = self._seen.get(render)
        if before is None or before.heartbeat != heartbeat:
            return _Seen(heartbeat)
        return _Seen(heartbeat, before.stood_still + passed)
