"""Taking over from the dead: nothing stays stuck, nothing is rendered twice without need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderTrace
from domain.worker import Fate

if TYPE_CHECKING:
    from application.leases import LeaseKeeper
    from application.ports.artifact_store import ArtifactStore
    from application.ports.clock import Clock
    from application.ports.processes import Processes
    from application.ports.render_leases import RenderLeases
    from application.ports.server_jobs import ServerJobEnder, ServerJobs
    from application.settle import Settlement
    from domain.lease import LeaseObserver
    from domain.render import LiveRender


class Recovery:
    """Closes renders whose owners are lost, and clears away what they left.

    Idempotent, and safe when several processes do it at once: every step is conditional on
    what was seen, and files are touched only for renders that are closed.

    Args:
        leases: of this database.
        keeper: knows which renders this process works on.
        processes: of this machine.
        store: of the files.
        settlement: publishes what was finished but not committed, and decides who is given up.
        observer: of the heartbeats.
        clock: its monotonic side.
        forsaken: jobs on servers; None when nothing is rendered on one.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that a dead worker may leave
        self,
        leases: RenderLeases,
        keeper: LeaseKeeper,
        processes: Processes,
        store: ArtifactStore,
        settlement: Settlement,
        observer: LeaseObserver,
        clock: Clock,
        forsaken: ForsakenJobs | None = None,
    ) -> None:
        self._forsaken = forsaken
        self._leases = leases
        self._keeper = keeper
        self._processes = processes
        self._store = store
        self._settlement = settlement
        self._observer = observer
        self._clock = clock

    def run(self) -> int:
        """Look once; gives the number of prompts that were taken over.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claiming():
            live = self._leases.live()
            mine = self._keeper.held()
        others = [render for render in live if render.render_id not in mine]
        heartbeats = {render.render_id: render.heartbeat for render in others}
        expired = self._observer.look(self._clock.monotonic(), heartbeats)
        taken = sum(
            self._take_over(render)
            for render in others
            if render.render_id in expired or self._is_dead(render)
        )
        self.clear_away()
        return taken

    def _is_dead(self, render: LiveRender) -> bool:
        # What this very process does not hold any more is as good as dead: an ending failed.
        if render.owner == self._processes.me():
            return True
        return self._processes.fate_of(render.owner) is Fate.DEAD

    def _take_over(self, render: LiveRender) -> bool:
        if render.workflow and not self._processes.end_workflow(render.owner, render.workflow):
            return False  # something of it may still run here; it is tried again later
        return self._publish_what_is_finished(render) or self._abandon(render)

    def _publish_what_is_finished(self, render: LiveRender) -> bool:
        if self._settlement.is_given_up(render):
            return False
        trace = RenderTrace(render.prompt_id, render.render_id)
        artifacts = self._store.finished(trace)
        if artifacts is None:
            return False
        claim = self._leases.adopt(render)
        return claim is not None and self._settlement.finish(claim, artifacts)

    def _abandon(self, render: LiveRender) -> bool:
        failure = self._settlement.verdict_on(render)
        if not self._leases.abandon(render, failure):
            return False
        self._settlement.abandoned(render, failure)
        return True

    def clear_away(self) -> None:
        """Remove what closed renders left; what no render of ours names is not ours."""
        for trace in self._leases.closed(self._store.traces()):
            named = self._leases.named(self._store.written_down(trace))
            self._store.sweep(trace, keep_placed=bool(named))
        if self._forsaken is not None:
            self._forsaken.end()


class ForsakenJobs:
    """Ends what still works on servers for renders that are over.

    Args:
        jobs: that are known.
        ender: asks the servers.
    """

    def __init__(self, jobs: ServerJobs, ender: ServerJobEnder) -> None:
        self._jobs = jobs
        self._ender = ender

    def end(self) -> None:
        """Look once; what a server cannot be asked about now is looked at again later."""
        for job in self._jobs.forsaken():
            if self._ender.end(job):
                self._jobs.drop(job)
