"""Several renderers behind one port, each for its workflows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from returns.result import Result

    from application.ports.media_renderer import (
        MediaRenderer,
        RenderContext,
        RenderingFacts,
        RenderJob,
    )
    from domain.affinity import Fit, Need
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import WorkflowProcess
    from domain.workflow_rules import WorkflowKey


class RenderersByWorkflow:
    """Hands each job to the renderer of its workflow. As safe from threads as they are."""

    def __init__(self, renderers: Mapping[WorkflowKey, MediaRenderer]) -> None:
        self._renderers = renderers

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """What would make every job of this workflow fail, or None."""
        return self._renderers[kind, workflow].preflight(kind, workflow)

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess] | None:
        """Processes that wait for the next job of this kind.

        None of them is known to fit if several renderers share the kind. There is a place if one
        of these has one.
        """
        of_kind = {renderer for key, renderer in self._renderers.items() if key[0] is kind}
        waiting = [one.waiting_processes(kind, environment, slot) for one in of_kind]
        if len(waiting) == 1:
            return waiting[0]
        return None if all(processes is None for processes in waiting) else ()

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        """What a prompt needs of what renders it."""
        return self._renderers[kind, workflow].need(kind, workflow, brief)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:
        """How what may take a job of the slot now suits a prompt."""
        return self._renderers[need.kind, need.workflow].fit(need, slot, ahead)

    def why_away(self, need: Need) -> Failure | None:
        """Why a prompt waits for something that does not answer; None if it does not."""
        return self._renderers[need.kind, need.workflow].why_away(need)

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:
        """Keep a place for a prompt."""
        self._renderers[need.kind, need.workflow].reserve(prompt_id, need, slot, ahead)

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt."""
        for renderer in set(self._renderers.values()):
            renderer.release(prompt_id)

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Make the media."""
        return self._renderers[job.brief.kind, job.workflow].render(job, context)

    def close(self) -> None:
        """Close each of them, whatever becomes of another."""
        with ExitStack() as closed:
            for renderer in set(self._renderers.values()):
                closed.callback(renderer.close)
