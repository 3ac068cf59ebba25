"""What renderers share that add something to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports.media_renderer import MediaRenderer
    from domain.affinity import Fit
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import WorkflowProcess


class RendererDecorator:
    """Passes on to a renderer whatever is no render.

    Args:
        renderer: the renderer.
    """

    def __init__(self, renderer: MediaRenderer) -> None:
        self._renderer = renderer

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """The environment failure that every job of a workflow would meet, or None."""
        return self._renderer.preflight(kind, workflow)

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess] | None:
        """Process groups that wait for the next job of a kind and do nothing before it."""
        return self._renderer.waiting_processes(kind, environment, slot)

    def fit(self, kind: Kind, workflow: str, slot: int) -> Fit:
        """How a workflow suits what may take the next job of a slot."""
        return self._renderer.fit(kind, workflow, slot)

    def reserve(self, prompt_id: int, kind: Kind, workflow: str, slot: int) -> None:
        """Keep the place that suits a workflow best for a prompt."""
        self._renderer.reserve(prompt_id, kind, workflow, slot)

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt."""
        self._renderer.release(prompt_id)
