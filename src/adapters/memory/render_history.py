"""Renders that ended long ago, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from application.ports.render_history import Forgotten

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from adapters.memory.database import InMemoryDatabase, RenderRow


class InMemoryRenderHistory:
    """Keeps the promises of the port without a file. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self.database = database

    @transaction
    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Look at one batch of renders, and remove those that nobody needs any more."""
        renders = self.database.renders
        seen = sorted(number for number in renders if number > after)[:limit]
        newest = {render.prompt_id: number for number, render in sorted(renders.items())}
        old = [
            number
            for number in seen
            if number not in keep
            and newest[renders[number].prompt_id] != number
            and _ended_before(renders[number], moment)
        ]
        for number in old:
            del renders[number]
        return Forgotten(tuple(old), seen[-1] if len(seen) == limit else None)


def _ended_before(render: RenderRow, moment: datetime) -> bool:
    return render.finished_at is not None and render.finished_at < moment
