"""Several renderers behind one port, each for its kinds."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from returns.result import Result

    from application.ports.media_renderer import (
        MediaRenderer,
        RenderContext,
        RenderingFacts,
        RenderJob,
    )
    from domain.affinity import Fit
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import WorkflowProcess


class RenderersByKind:
    """Hands each job to the renderer of its kind. As safe from threads as they are."""

    def __init__(self, renderers: Mapping[Kind, MediaRenderer]) -> None:
        self._renderers = renderers

    def preflight(self, kind: Kind) -> Failure | None:
        """What would make every job of this kind fail, or None."""
        return self._renderers[kind].preflight(kind)

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess] | None:
        """Processes that wait for the next job of this kind."""
        return self._renderers[kind].waiting_processes(kind, environment, slot)

    def fit(self, kind: Kind, workflow: str, slot: int) -> Fit:
        """How what may take a job of the slot now suits a workflow."""
        return self._renderers[kind].fit(kind, workflow, slot)

    def reserve(self, prompt_id: int, kind: Kind, workflow: str, slot: int) -> None:
        """Keep a place for a prompt."""
        self._renderers[kind].reserve(prompt_id, kind, workflow, slot)

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt."""
        for renderer in set(self._renderers.values()):
            renderer.release(prompt_id)

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Make the media."""
        return self._renderers[job.brief.kind].render(job, context)

    def close(self) -> None:
        """Close each of them, whatever becomes of another."""
        with ExitStack() as closed:
            for renderer in set(self._renderers.values()):
                closed.callback(renderer.close)
