"""The output tree as two dictionaries: published files by path, and plans by render."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.ports.artifact_store import RenderKey


class Files:
    """Published files, and the plans of the renders that placed them."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.plans: dict[RenderKey, tuple[str, ...]] = {}

    def plan(self, trace: RenderKey, kind: str) -> tuple[str, ...]:
        """Record the files that are about to be placed."""
        folder = f"{kind}/{trace.prompt_id}_{trace.render_id}"
        return self.plans.setdefault(trace, tuple(f"{folder}/{n}.bin" for n in range(2)))

    def place(self, trace: RenderKey, kind: str) -> tuple[str, ...]:
        """Publish the planned files."""
        paths = self.plan(trace, kind)
        self.there.update(paths)
        return paths

    def finished(self, trace: RenderKey) -> tuple[str, ...] | None:
        """The files that a render placed, if all of them still exist."""
        paths = self.plans.get(trace)
        return paths if paths and self.there.issuperset(paths) else None

    def sweep(self, trace: RenderKey, *, keep_placed: bool) -> None:
        """Remove the leftovers of a closed render; its plan goes last."""
        if not keep_placed:
            self.there.difference_update(self.plans[trace])
        del self.plans[trace]
