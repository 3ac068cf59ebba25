"""Jobs that earlier renders of the same writing left on servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_server.ending import end_job
from adapters.comfyui_server.workflow import bind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.comfyui_server.parts import Parts
    from adapters.comfyui_server.server import Server
    from adapters.comfyui_server.workflow import ServerWorkflow
    from application.ports.media_renderer import RenderJob, RenderWatch
    from domain.server_job import ServerJob

_SECONDS = 2.0  # for a job that is of no use any more


class Earlier:
    """Chooses which of them to go on with, and ends the others.

    What is on a server that is set aside, or that is none of ours, is left alone: whoever
    looks after forsaken jobs ends it when that is possible.
    """

    def __init__(
        self, parts: Parts, workflow: ServerWorkflow, asked: RenderJob, watch: RenderWatch
    ) -> None:
        self._parts = parts
        self._watch = watch
        self._variant = asked.variant
        self._left = list(asked.earlier)
        bound = bind(workflow, asked, "") if asked.earlier else None
        self._fingerprint = (
            bound.unwrap().fingerprint if bound is not None and is_successful(bound) else ""
        )

    def to_go_on_with(self) -> Iterator[tuple[ServerJob, Server]]:
        """The jobs that ask for the same thing, newest first, once they are ours."""
        for job in tuple(self._left):
            server = self._parts.pool.find(job.server)
            if server is None or server.aside is not None:
                self._left.remove(job)
            elif not self._is_same(job):
                self._left.remove(job)
                self._end(job, server)
            elif self._watch.submitting(job):
                self._left.remove(job)
                yield job, server

    def end_the_rest(self) -> None:
        """One was enough: end the others."""
        for job in self._left:
            server = self._parts.pool.find(job.server)
            if server is not None and server.aside is None:
                self._end(job, server)

    def _is_same(self, job: ServerJob) -> bool:
        return (
            job.variant == self._variant
            and job.fingerprint == self._fingerprint
            and job.id not in self._parts.condemned
        )

    def _end(self, job: ServerJob, server: Server) -> None:
        if self._watch.may_end(job) and end_job(server.api, job.id, self._parts.clock, _SECONDS):
            self._watch.dropped(job)
