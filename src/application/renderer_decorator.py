"""What renderers share that add something to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.ports.media_renderer import MediaRenderer
    from domain.affinity import Fit, Need
    from domain.brief import Brief
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

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        """What a prompt needs of what renders it."""
        return self._renderer.need(kind, workflow, brief)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:
        """How a prompt suits what may take the next job of a slot."""
        return self._renderer.fit(need, slot, ahead)

    def why_away(self, need: Need) -> Failure | None:
        """Why a prompt waits for something that does not answer; None if it does not."""
        return self._renderer.why_away(need)

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:
        """Keep the place that suits a prompt best."""
        self._renderer.reserve(prompt_id, need, slot, ahead)

    def release(self, prompt_id: int) -> None:
        """Give back the place that was kept for a prompt."""
        self._renderer.release(prompt_id)
