"""The ports to renders: leases, history, and jobs on render servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from application.ports.artifact_store import RenderKey
    from domain.breaker import PastRender
    from domain.failure import Failure
    from domain.lease import ProcessIdentity
    from domain.render import Claim, LiveRender, ServerJob, WorkflowProcess


class RenderLeases(Protocol):
    """The leases of live renders.

    Every method is one transaction, and raises RepositoryError if the database cannot be used.
    Safe to use from one thread besides that of the repository.
    """

    def heartbeat(self, claim: Claim) -> bool:
        """Renew the lease. False if it is lost: the render is closed, or the prompt changed."""
        ...

    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still held, without writing anything."""
        ...

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Record the process group of a render's workflow before it runs.

        Nothing is written if it was recorded with the claim. False, and nothing written, if the
        lease is lost: the render is closed, or the prompt changed.
        """
        ...

    def live(self) -> Sequence[LiveRender]:
        """All live renders of all workers."""
        ...

    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back.

        Args:
            render: as it was observed; if its heartbeat has changed since, nothing happens.
            failure: ends the prompt as failed instead, after too many crashes; or None.

        Returns:
            Whether it was done; False if its owner or another worker was faster.
        """
        ...

    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost, and open one of this worker for the same prompt.

        For files that were finished but not published. None where ``abandon`` returns False, or
        if the prompt has changed.
        """
        ...

    def closed(self, keys: Collection[RenderKey]) -> frozenset[RenderKey]:
        """The given renders that are closed, so that their leftovers may be removed.

        Left out are renders of prompts that have a live render, which may be about to publish the
        files of an earlier one; and, while the prompt is pending, renders that the database
        refused to publish (``Claim.unpublished``).
        """
        ...

    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """The given paths that have an artifact row."""
        ...


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Result of examining one batch of renders.

    Attributes:
        render_ids: numbers of the renders that were removed.
        looked_up_to: up to which number renders were examined; None if no further batch follows.
    """

    render_ids: tuple[int, ...]
    looked_up_to: int | None


class RenderHistory(Protocol):
    """Renders that ended. Safe to use from several threads and processes."""

    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Examine one batch of renders, and remove those that are no longer needed.

        A render is kept while it is live, while it is the newest of its prompt (the next one
        continues from it), and while it is recent. Numbers of removed renders are never reused.
        A batch is at most one short transaction.

        Args:
            moment: renders that ended before this time may be removed, in UTC.
            after: examine only renders with larger numbers, in the order of their numbers.
            limit: number of renders that are removed at most; many times as many are examined.
            keep: numbers of renders that are kept regardless of age.

        Raises:
            RepositoryError: the database cannot be used.
        """
        ...

    def ended_on(self, machine: ProcessIdentity, limit: int) -> Sequence[PastRender]:
        """Renders of one machine that were published, failed or given back, oldest first.

        Renders that were cancelled, superseded or abandoned are left out.

        Args:
            machine: any process on it; the same host name or boot means the same machine.
            limit: number of newest renders of all machines that are examined.

        Raises:
            RepositoryError: the database cannot be used.
        """
        ...


class ServerJobs(Protocol):
    """Jobs on render servers, which outlive the workers that submitted them.

    Those of published renders are forgotten with the next job that is recorded, or by
    ``orphaned``, so that no prompt waits for it.

    Every method is one transaction, and raises RepositoryError if the database cannot be used.
    Safe from any thread.
    """

    def record(self, claim: Claim, job: ServerJob) -> bool:
        """Record the job of a render before it is submitted or continued.

        A job of a closed render now belongs to this render. False, and nothing written, if the
        lease is lost or another live render holds the job. May be repeated.
        """
        ...

    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        """Jobs of closed renders of the same prompt that may be continued, newest first."""
        ...

    def owns(self, claim: Claim, job: ServerJob) -> bool:
        """Whether a job may be ended on behalf of a render.

        Its own jobs may be, unless a successor took the render over and may continue them. Jobs
        of closed renders may be while it is live; jobs of other live renders may not.
        """
        ...

    def forget(self, job: ServerJob, claim: Claim | None = None) -> None:
        """Forget a job that ended or disappeared. An unknown job is no error.

        Args:
            job: the job, which is over.
            claim: of the render that found this out; a job that a later render continues stays.
                None for a job of closed renders.
        """
        ...

    def orphaned(self) -> Sequence[ServerJob]:
        """A batch of jobs of closed renders that no render will continue, oldest first."""
        ...


class ServerJobEnder(Protocol):
    """Ends jobs that no render will continue."""

    def end(self, job: ServerJob) -> bool:
        """Remove a job from its server's queue or stop it; jobs of others are never touched.

        Returns:
            Whether the job certainly does not run and never will; False if the server does not
            answer.
        """
        ...
