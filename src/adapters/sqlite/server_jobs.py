"""Jobs on render servers, in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import prepare_server_jobs
from adapters.sqlite.statements import statements
from domain.server_job import ServerJob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.sqlite.connection import Connection
    from domain.render import Claim


class SqliteServerJobs:
    """Which job works for which render; makes its table when it is missing.

    Args:
        connection: that of the leases will do. A commit that a loss of power takes back costs
            at most a second render of the same prompt.

    Raises:
        RepositoryError: a newer Media Generator made our tables.
    """

    def __init__(self, connection: Connection) -> None:
        prepare_server_jobs(connection)
        self._connection = connection
        self._sql = statements("server_jobs")

    def hold(self, claim: Claim, job: ServerJob) -> bool:
        """Write down that a job works for a render, before it is submitted or gone on with."""
        values = {
            "job_id": job.id,
            "render_id": claim.render_id,
            "server": job.server,
            "variant": job.variant,
            "fingerprint": job.fingerprint,
            "seed": str(job.seed),
        }
        return self._change("hold_job", values)

    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        """Jobs of closed renders of the same prompt that may be gone on with, newest first."""
        values = {"prompt_id": claim.prompt_id, "render_id": claim.render_id}
        return self._jobs("earlier_jobs", values)

    def may_end(self, claim: Claim, job: ServerJob) -> bool:
        """Whether a job may be ended on behalf of a render."""
        values = {"job_id": job.id, "render_id": claim.render_id}
        return not self._connection.rows(self._sql["job_of_others"], values)

    def drop(self, job: ServerJob) -> None:
        """Forget a job that is over or gone."""
        self._change("drop_job", {"job_id": job.id})

    def drop_all(self, claim: Claim) -> None:
        """Forget every job of a render."""
        self._change("drop_jobs_of_render", {"render_id": claim.render_id})

    def forsaken(self) -> Sequence[ServerJob]:
        """Jobs of closed renders with which nobody will go on, oldest first, some at a time."""
        return self._jobs("forsaken_jobs", {})

    def _change(self, name: str, values: Mapping[str, object]) -> bool:
        with self._connection.writing():
            return bool(self._connection.change(self._sql[name], values))

    def _jobs(self, name: str, values: Mapping[str, object]) -> Sequence[ServerJob]:
        return tuple(
            ServerJob(job_id, server, variant, fingerprint, int(seed))
            for job_id, server, variant, fingerprint, seed in self._connection.rows(
                self._sql[name], values
            )
        )
