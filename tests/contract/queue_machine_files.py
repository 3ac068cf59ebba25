"""The output tree as two dictionaries: what stands where, and who left what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.ports.artifact_store import RenderKey


class Files:
    """Files at their final places, and the plans of the renders that put them there."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.plans: dict[RenderKey, tuple[str, ...]] = {}

    def plan(self, trace: RenderKey, kind: str) -> tuple[str, ...]:
        """Write down what is about to be placed."""
        folder = f"{kind}/{trace.prompt_id}_{trace.render_id}"
        return self.plans.setdefault(trace, tuple(f"{folder}/{n}.bin" for n in range(2)))

    def place(self, trace: RenderKey, kind: str) -> tuple[str, ...]:
        """Give the files their names."""
        paths = self.plan(trace, kind)
        self.there.update(paths)
        return paths

    def finished(self, trace: RenderKey) -> tuple[str, ...] | None:
        """What a render placed, if every file of it is there."""
        paths = self.plans.get(trace)
        return paths if paths and self.there.issuperset(paths) else None

    def sweep(self, trace: RenderKey, *, keep_placed: bool) -> None:
        """Remove what a closed render left; its plan goes last."""
        if not keep_placed:
            self.there.difference_update(self.plans[trace])
        del self.plans[trace]
