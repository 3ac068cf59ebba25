"""The renderer that gives each job to a ComfyUI server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Failed

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.api import ServerApi
from adapters.comfyui_server.ending import end_job
from adapters.comfyui_server.fitness import why_unfit
from adapters.comfyui_server.parts import Parts
from adapters.comfyui_server.rendering import Rendering
from domain.brief import ImageBrief
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from returns.result import Result

    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.pool import ServerPool
    from adapters.comfyui_server.workflow import ServerWorkflow
    from application.ports.clock import Clock
    from application.ports.media_renderer import RenderingFacts, RenderJob, RenderWatch
    from domain.failure import Failure
    from domain.server_job import ServerJob

    Workflows = Mapping[Kind, Callable[[], Result[ServerWorkflow, Failure]]]

_SECONDS_TO_END = 2.0


class ServerRenderer:
    """Makes media on ComfyUI servers. Safe to use from several threads at once.

    Args:
        workflows: how to get the workflow for each kind; asked for every job, so that a file
            that was changed counts. The same object means that nothing changed.
        pool: of servers; closed with this.
        limits: of patience.
        clock: to measure with, and to wait by.
    """

    def __init__(
        self, workflows: Workflows, pool: ServerPool, limits: ServerLimits, clock: Clock
    ) -> None:
        self._workflows = workflows
        self._pool = pool
        self._parts = Parts(pool, limits, clock)

    def preflight(self, kind: Kind) -> Failure | None:
        """Whether the workflow can be used, and a server is there that can run it.

        Asks no server that answered a moment ago.
        """
        loaded = self._workflows[kind]()
        if not is_successful(loaded):
            return loaded.failure()
        workflow = loaded.unwrap()
        first: Failure | None = None
        for server in self._pool.of_kind(kind):
            failure = why_unfit(self._pool, server, workflow)
            if failure is None:
                return None
            first = first or failure
        return first or self._pool.none_for(kind)

    def render(self, job: RenderJob, watch: RenderWatch) -> Result[RenderingFacts, Failure]:
        """Let a server make the media and fetch them.

        When this returns, no job of ours is left that anybody would have to wait for: it is
        over, or known under ``RenderWatch.submitting`` to be gone on with or ended later.
        """
        kind = Kind.IMAGE if isinstance(job.brief, ImageBrief) else Kind.AUDIO
        loaded = self._workflows[kind]()
        if not is_successful(loaded):
            return Failed(loaded.failure())
        return Rendering(self._parts, loaded.unwrap(), job, watch).run()

    def end(self, job: ServerJob) -> bool:
        """Take a job from its server's queue, or stop it; whether it certainly is gone.

        Its server need not be one of the configured ones any more.
        """
        clock = self._parts.clock
        server = self._pool.find(job.server)
        if server is not None:
            gone = end_job(server.api, job.id, clock, _SECONDS_TO_END)
        else:
            try:
                address = ServerAddress(job.server)
            except ValueError:
                return False
            with closing(ServerApi(address)) as api:
                gone = end_job(api, job.id, clock, _SECONDS_TO_END)
        if gone:
            self._parts.condemned.discard(job.id)
        return gone

    def close(self) -> None:
        """End every connection and thread."""
        self._pool.close()
