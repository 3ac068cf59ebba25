"""Keeping the leases of the renders that this process holds."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock, RLock
from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from application.ports.clock import Clock
    from application.ports.render_leases import RenderLeases
    from application.ports.server_jobs import ServerJobs
    from domain.render import Claim, WorkflowProcess
    from domain.server_job import ServerJob


@dataclass(slots=True)
class HeldLease:
    """A lease that is kept.

    Attributes:
        claim: whose it is.
        lost: whether it was found closed, or its prompt changed; the work for it is in vain.
        beat_at: when the next heartbeat is due, on the monotonic clock.
    """

    claim: Claim
    lost: bool
    beat_at: float


class LeaseKeeper:
    """Beats for every lease held, and notices those that were lost.

    ``tick`` does the work and is called several times a second, from whatever thread; the
    rest is called from the threads that render.

    Args:
        leases: over a connection of its own, so that no long transaction delays a heartbeat.
        clock: its monotonic side.
        beat_seconds: between two heartbeats; a small part of a lease.
        jobs: on servers; None when nothing is rendered on one.
    """

    def __init__(
        self,
        leases: RenderLeases,
        clock: Clock,
        beat_seconds: float,
        jobs: ServerJobs | None = None,
    ) -> None:
        self._leases = leases
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._jobs = jobs
        self._held: dict[int, HeldLease] = {}
        self._lock = Lock()
        self._claiming = RLock()

    def claiming(self) -> AbstractContextManager[object]:
        """While it lasts, every live render of this process is either held or not yet claimed.

        Whoever claims does it inside, and holds the claim before it ends.
        """
        return self._claiming

    def hold(self, claim: Claim) -> HeldLease:
        """Keep the lease of a claim from now on."""
        held = HeldLease(claim, lost=False, beat_at=self._clock.monotonic() + self._beat_seconds)
        with self._lock:
            self._held[claim.render_id] = held
        return held

    def let_go(self, held: HeldLease) -> None:
        """Keep a lease no longer."""
        with self._lock:
            self._held.pop(held.claim.render_id, None)

    def held(self) -> frozenset[int]:
        """The numbers of the renders whose leases are kept here."""
        with self._lock:
            return frozenset(self._held)

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Remember what runs for a render, before it runs; False when the lease is lost."""
        return self._leases.record_workflow(claim, workflow)

    def hold_job(self, claim: Claim, job: ServerJob) -> bool:
        """Remember a job on a server, before it is submitted; False when the lease is lost."""
        return self._jobs is None or self._jobs.hold(claim, job)

    def earlier_jobs(self, claim: Claim, variant: int) -> tuple[ServerJob, ...]:
        """Jobs that earlier renders left for the same writing, newest first."""
        jobs = () if self._jobs is None else self._jobs.earlier(claim)
        return tuple(job for job in jobs if job.variant == variant)

    def may_end_job(self, claim: Claim, job: ServerJob) -> bool:
        """Whether no heir goes on with a job."""
        return self._jobs is None or self._jobs.may_end(claim, job)

    def drop_jobs_of(self, claim: Claim) -> None:
        """Look for the jobs of a render that was published no longer."""
        if self._jobs is not None:
            self._jobs.drop_all(claim)

    def drop_job(self, job: ServerJob) -> None:
        """Look for a job no longer."""
        if self._jobs is not None:
            self._jobs.drop(job)

    def tick(self) -> None:
        """Look after every lease once.

        A database that cannot be reached for a while is no reason to give up: if somebody took
        over meanwhile, publication is refused anyway.
        """
        with self._lock:
            kept = [held for held in self._held.values() if not held.lost]
        for held in kept:
            held.lost = not self._is_kept(held)

    def _is_kept(self, held: HeldLease) -> bool:
        now = self._clock.monotonic()
        try:
            if now < held.beat_at:
                return self._leases.holds(held.claim)
            kept = self._leases.beat(held.claim)
        except RepositoryError:
            return True
        held.beat_at = now + self._beat_seconds
        return kept
