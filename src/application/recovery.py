"""Picks up work left behind by lost workers, without rendering it again where possible."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderKey, StorageError
from domain.lease import Liveness, Termination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.leases import LeaseKeeper
    from application.ports.artifact_store import ArtifactStore
    from application.ports.renders import RenderLeases, ServerJobEnder, ServerJobs
    from application.ports.system import Clock, Processes
    from application.prompt_render import RenderFinalizer
    from domain.lease import LeaseObserver
    from domain.render import LiveRender


class Recovery:
    """Closes renders whose owners are lost, and removes their leftovers.

    Idempotent, and safe in several processes at once: every write is conditional on what was
    observed, and only files of closed renders are touched.

    Args:
        leases: of this database.
        keeper: knows the renders of this process.
        processes: of this machine.
        store: of the files.
        finalizer: publishes finished files that have no rows yet, and gives prompts up.
        observer: of the heartbeats.
        clock: the time.
        orphaned: jobs on servers; None if no kind is rendered on a server.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everything that a lost worker may leave
        self,
        leases: RenderLeases,
        keeper: LeaseKeeper,
        processes: Processes,
        store: ArtifactStore,
        finalizer: RenderFinalizer,
        observer: LeaseObserver,
        clock: Clock,
        orphaned: OrphanedJobs | None = None,
    ) -> None:
        self._orphaned = orphaned
        self._leases = leases
        self._keeper = keeper
        self._processes = processes
        self._store = store
        self._finalizer = finalizer
        self._observer = observer
        self._clock = clock
        self._silent: tuple[LiveRender, ...] = ()
        self._stuck: set[int] = set()  # renders that cannot be taken over yet, reported once

    def run(self) -> int:
        """Check all live renders once; returns the number of prompts that were taken over.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claim_lock:
            live = self._leases.live()
            mine = self._keeper.held()
        foreign = [render for render in live if render.render_id not in mine]
        heartbeats = {render.render_id: render.heartbeat for render in foreign}
        expired = self._observer.observe(self._clock.monotonic(), heartbeats)
        taken = [
            render.render_id
            for render in foreign
            if (render.render_id in expired or self._is_dead(render))
            and self._take_over(render, expired=render.render_id in expired)
        ]
        left = [render for render in foreign if render.render_id not in taken]
        self._silent = tuple(render for render in left if self._is_silent(render))
        self._stuck &= {render.render_id for render in left}
        self.clean_up()
        return len(taken)

    def silent_renders(self) -> Sequence[LiveRender]:
        """Renders whose leases seem expired but were not observed for long enough yet.

        As of the last check. Their owners are out of sight; a heartbeat, or a whole lease without
        one, will decide. Until then their age is judged by the clocks of two machines.
        """
        return self._silent

    def _is_silent(self, render: LiveRender) -> bool:
        if self._observer.has_changed(render.render_id):
            return False
        if self._processes.liveness_of(render.owner) is not Liveness.UNKNOWN:
            return False
        silence = self._clock.now() - render.heartbeat_at if render.heartbeat_at else None
        return silence is None or silence.total_seconds() >= self._keeper.lease_seconds

    def _is_dead(self, render: LiveRender) -> bool:
        # A render of this very process that it no longer holds is as good as dead: its end failed.
        me = self._processes.me()
        if replace(render.owner, host=me.host) == me:  # its host may have been renamed
            return True
        return self._processes.liveness_of(render.owner) is Liveness.DEAD

    def _take_over(self, render: LiveRender, *, expired: bool) -> bool:
        # One that was recorded with a claim and never used may serve another render by now.
        if render.workflow and render.workflow not in self._keeper.reserved():
            match self._processes.end_workflow(render.owner, render.workflow):
                case Termination.ALIVE:
                    if render.render_id not in self._stuck:
                        self._stuck.add(render.render_id)
                        self._finalizer.report_stuck(render, render.workflow)
                    return False  # two workflows would compete for one GPU; retried later
                case Termination.OUT_OF_SIGHT:
                    # Anything that still runs cannot publish; the lease alone decides.
                    if not expired:
                        return False
                case Termination.ENDED:
                    pass
        try:
            return self._publish_finished(render) or self._abandon(render)
        except StorageError as error:  # its files may be whole: the next check looks again
            if render.render_id not in self._stuck:
                self._stuck.add(render.render_id)
                self._finalizer.report_unknown_files(render, error.failure)
            return False

    def _publish_finished(self, render: LiveRender) -> bool:
        if self._finalizer.is_given_up(render):
            return False
        artifacts = self._store.finished(
            RenderKey(render.prompt_id, render.render_id, render.token)
        )
        if artifacts is None:
            return False
        claim = self._leases.adopt(render)
        return claim is not None and self._finalizer.finish(claim, artifacts)

    def _abandon(self, render: LiveRender) -> bool:
        failure = self._finalizer.why_given_up(render)
        if not self._leases.abandon(render, failure):
            return False
        self._finalizer.report_abandoned(render, failure)
        return True

    def clean_up(self) -> None:
        """Remove the leftovers of closed renders; files of other programs are not touched."""
        leftovers = self._store.leftovers()
        for key in self._leases.closed(leftovers) if leftovers else ():
            named = self._leases.named(self._store.planned_paths(key))
            self._store.sweep(key, keep_placed=bool(named))
        if self._orphaned is not None:
            self._orphaned.end()


class OrphanedJobs:
    """Ends jobs on servers that no render will continue."""

    def __init__(self, jobs: ServerJobs, ender: ServerJobEnder) -> None:
        self._jobs = jobs
        self._ender = ender

    def end(self) -> None:
        """Try to end each of them once; jobs on unreachable servers are retried later."""
        for job in self._jobs.orphaned():
            if self._ender.end(job):
                self._jobs.forget(job)
