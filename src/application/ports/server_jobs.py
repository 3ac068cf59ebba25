"""The port to what is known of jobs on render servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.render import Claim
    from domain.server_job import ServerJob


class ServerJobs(Protocol):
    """Which job works for which render; it outlives whoever submitted it.

    Every method is one transaction, and raises RepositoryError when the database cannot be
    used. Safe from any thread.
    """

    def hold(self, claim: Claim, job: ServerJob) -> bool:
        """Write down that a job works for a render, before it is submitted or gone on with.

        A job of an earlier render that is closed is this render's from then on. False, and
        nothing written, when the lease is lost, or another live render holds the job.
        """
        ...

    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        """Jobs of closed renders of the same prompt that may be gone on with, newest first."""
        ...

    def may_end(self, claim: Claim, job: ServerJob) -> bool:
        """Whether a job may be ended on behalf of a render.

        Its own may be, unless the render was taken over by someone who may go on with it;
        jobs of closed renders may be while it is live; one that another live render holds may
        not.
        """
        ...

    def drop(self, job: ServerJob) -> None:
        """Forget a job that is over or gone. One that is not known is no error."""
        ...

    def drop_all(self, claim: Claim) -> None:
        """Forget every job of a render, which was published."""
        ...

    def forsaken(self) -> Sequence[ServerJob]:
        """Jobs of closed renders with which nobody will go on, oldest first, some at a time."""
        ...


class ServerJobEnder(Protocol):
    """Ends jobs with which nobody goes on."""

    def end(self, job: ServerJob) -> bool:
        """Take a job from its server's queue, or stop it there; nobody else's is touched.

        Returns:
            Whether it is certain that it does not run and will not. False: the server cannot
            be asked now.
        """
        ...
