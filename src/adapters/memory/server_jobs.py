"""Jobs on render servers, in memory, over the same tables as the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from domain.failure import FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.memory.database import InMemoryDatabase, RenderRow
    from domain.render import Claim
    from domain.server_job import ServerJob


class InMemoryServerJobs:
    """Keeps the promises of the port without a file. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self.database = database

    @transaction
    def hold(self, claim: Claim, job: ServerJob) -> bool:
        """Write down that a job works for a render, before it is submitted or gone on with."""
        render = self.database.renders.get(claim.render_id)
        if render is None or render.outcome is not None or not self.database.unchanged(render):
            return False
        held = self.database.server_jobs.get(job.id)
        if held is not None and held[0] != claim.render_id:
            holder = self.database.renders.get(held[0])
            if holder is not None and holder.outcome is None:
                return False
        # The newest comes last.
        self.database.server_jobs.pop(job.id, None)
        self.database.server_jobs[job.id] = claim.render_id, held[1] if held else job
        return True

    @transaction
    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        """Jobs of closed renders of the same prompt that may be gone on with, newest first."""
        before = [
            render
            for render in self.database.renders.values()
            if render.prompt_id == claim.prompt_id and render.render_id < claim.render_id
        ]
        found: list[ServerJob] = []
        for render in reversed(before):
            if not _goes_on(render):
                break
            found += [
                job
                for render_id, job in reversed(self.database.server_jobs.values())
                if render_id == render.render_id
            ]
        return tuple(found)

    @transaction
    def may_end(self, claim: Claim, job: ServerJob) -> bool:
        """Whether a job may be ended on behalf of a render."""
        held = self.database.server_jobs.get(job.id)
        if held is None:
            return True
        holder = self.database.renders.get(held[0])
        mine = self.database.renders.get(claim.render_id)
        if held[0] == claim.render_id:
            return holder is None or holder.outcome is not Outcome.ABANDONED
        is_held = holder is not None and holder.outcome is None
        return not is_held and mine is not None and mine.outcome is None

    @transaction
    def drop(self, job: ServerJob) -> None:
        """Forget a job that is over or gone."""
        self.database.server_jobs.pop(job.id, None)

    @transaction
    def drop_all(self, claim: Claim) -> None:
        """Forget every job of a render."""
        jobs = self.database.server_jobs
        for job_id in [each for each, held in jobs.items() if held[0] == claim.render_id]:
            del jobs[job_id]

    @transaction
    def forsaken(self) -> Sequence[ServerJob]:
        """Jobs of closed renders with which nobody will go on, oldest first."""
        return tuple(
            job
            for render_id, job in self.database.server_jobs.values()
            if self._is_forsaken(self.database.renders.get(render_id))
        )

    def _is_forsaken(self, render: RenderRow | None) -> bool:
        if render is None:
            return True
        if render.outcome is None:
            return False
        row = self.database.prompts.get(render.prompt_id)
        if row is None or row.status != "completed":
            return True
        if row.artifact_status not in {"pending", "processing"}:
            return True
        return any(
            later.outcome is not None and not _goes_on(later)
            for later in self.database.renders.values()
            if later.prompt_id == render.prompt_id and later.render_id >= render.render_id
        )


def _goes_on(render: RenderRow) -> bool:
    """Whether the acceptance goes on after a render."""
    cancelled = render.failure is not None and render.failure.code is FailureCode.CANCELLED
    return render.outcome in {Outcome.RELEASED, Outcome.ABANDONED} and not cancelled
