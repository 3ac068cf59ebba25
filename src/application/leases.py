"""The leases that this process holds, and live renders whose workers seem lost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, RLock
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError
from domain.lease import Liveness

if TYPE_CHECKING:
    from datetime import datetime

    from application.ports.renders import RenderLeases
    from application.ports.system import Clock, Processes
    from application.turns import Turn
    from domain.lease import ProcessIdentity
    from domain.render import Claim, WorkflowProcess

_FRESH_SECONDS = 0.05  # for which the database's word about a lease is believed


@dataclass(slots=True)
class HeldLease:
    """A lease that this process holds.

    Attributes:
        claim: of the render.
        heartbeat_at: when the next heartbeat is due, on the monotonic clock.
        held_since: when the lease began, on the monotonic clock.
        turn: of the lane that renders it.
        confirmed_at: when the database last said that it is held, on the monotonic clock.
        lost: whether the render was closed or its prompt changed, so that its work is wasted.
        fenced: whether the render was stopped because no heartbeat could be written.
    """

    claim: Claim
    heartbeat_at: float
    held_since: float
    turn: Turn
    confirmed_at: float
    lost: bool = False
    fenced: bool = False


class LeaseKeeper:
    """Writes the heartbeats of all held leases, and notices those that were lost.

    ``tick`` does the work and is called several times a second from any thread; the other methods
    are called by the threads that render.

    Attributes:
        lease_seconds: time without a heartbeat after which others may take a render over.
        claim_lock: held from a claim until it is tracked, so that every live render of this
            process is tracked or not yet claimed.

    Args:
        leases: with a connection of its own, so that no long transaction delays a heartbeat.
        clock: the monotonic clock.
        heartbeat_seconds: between two heartbeats; a small part of a lease.
        lease_seconds: see above.
    """

    def __init__(
        self,
        leases: RenderLeases,
        clock: Clock,
        heartbeat_seconds: float,
        lease_seconds: float,
    ) -> None:
        self.lease_seconds = lease_seconds
        self.claim_lock = RLock()
        self._leases = leases
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._unwritten_since: float | None = None
        self._held: dict[int, HeldLease] = {}
        self._lock = Lock()

    def track(self, claim: Claim, turn: Turn) -> HeldLease:
        """Start to renew the lease of a claim."""
        now = self._clock.monotonic()
        held = HeldLease(claim, now + self._heartbeat_seconds, now, turn, now)
        with self._lock:
            self._held[claim.render_id] = held
        return held

    def release(self, held: HeldLease) -> None:
        """Stop renewing a lease."""
        with self._lock:
            self._held.pop(held.claim.render_id, None)

    def held(self) -> frozenset[int]:
        """The numbers of the renders whose leases this process holds."""
        with self._lock:
            return frozenset(self._held)

    def reserved(self) -> frozenset[WorkflowProcess | None]:
        """The waiting processes that were recorded with claims of held leases."""
        with self._lock:
            return frozenset(held.claim.process for held in self._held.values())

    def must_stop(self, held: HeldLease) -> bool:
        """Whether the render of a lease must stop because the lease is lost, or may be.

        If no heartbeat could be written for a whole lease, another worker may have taken over
        without this one knowing. Time in which this process was suspended does not count: it
        writes a heartbeat first when it resumes. Called by the thread that renders because the
        thread that writes heartbeats may be blocked by the database.
        """
        since = self._unwritten_since
        if since is not None and not held.fenced:
            silent = self._clock.monotonic() - max(since - self._heartbeat_seconds, held.held_since)
            held.fenced = silent >= self.lease_seconds
        return held.lost or held.fenced

    def still_holds(self, held: HeldLease) -> bool:
        """Whether a lease is still held, according to the database.

        For work that would be wasted. If the database does not answer, it is not lost; nor is it
        asked again about a lease that it confirmed a moment ago.
        """
        if self._clock.monotonic() - held.confirmed_at >= _FRESH_SECONDS:
            with suppress(RepositoryError):
                held.lost |= not self._leases.holds(held.claim)
        return not held.lost

    def tick(self) -> None:
        """Renew or check every lease once.

        Renders continue while the database cannot be reached for a short time: if another worker
        takes over, publication is refused anyway. After a whole lease they stop.
        """
        with self._lock:
            kept = [held for held in self._held.values() if not held.lost]
        for held in kept:
            now = self._clock.monotonic()
            try:
                if now < held.heartbeat_at:
                    held.lost |= not self._leases.holds(held.claim)
                    continue
                if self._unwritten_since is None:
                    self._unwritten_since = now
                held.lost |= not self._leases.heartbeat(held.claim)
            except RepositoryError:
                continue
            self._unwritten_since = None
            held.heartbeat_at = now + self._heartbeat_seconds
            held.confirmed_at = now


class LostWorkers:
    """Explains to people why the worker of a live render seems lost.

    Nothing may be decided by it because it compares the clocks of two machines.

    Args:
        processes: of this machine.
        clock: the wall clock.
        lease_seconds: time without a heartbeat after which a worker is lost.
    """

    def __init__(self, processes: Processes, clock: Clock, lease_seconds: float) -> None:
        self._processes = processes
        self._clock = clock
        self._lease_seconds = lease_seconds

    def why(self, owner: ProcessIdentity, heartbeat_at: datetime | None) -> str:
        """Why the owner of a live render seems lost, or "" if it does not.

        Args:
            owner: of the render.
            heartbeat_at: its last heartbeat, by its own clock; None if unknown.
        """
        if self._processes.liveness_of(owner) is Liveness.DEAD:
            return "its worker has ended"
        silence = (self._clock.now() - heartbeat_at).total_seconds() if heartbeat_at else 0.0
        if silence < self._lease_seconds:
            return ""
        return f"its worker has given no heartbeat for {silence:.0f} seconds, and its lease expired"
