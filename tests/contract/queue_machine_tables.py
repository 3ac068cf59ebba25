"""The contents of the model's dictionaries, and the results of every query."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.contract.queue_machine_rows import Known, Pauses, Render, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from application.ports.prompt_repository import Selection

KINDS = {"image_prompt": "image", "lyrics_prompt": "audio"}


@dataclass
class Tables:
    """Everything known about the queue.

    Attributes:
        prompts: by id.
        writings: ids of the writings.
        renders: by number, oldest first.
        rows: artifacts as (prompt, path), oldest first.
        pause: the reason of a user's pause; reason, code and suspects of the environment's.
        published: number of publications by prompt and acceptance.
    """

    prompts: dict[int, Known] = field(default_factory=dict)
    writings: set[int] = field(default_factory=set)
    renders: dict[int, Render] = field(default_factory=dict)
    rows: list[tuple[int, str]] = field(default_factory=list)
    pause: Pauses = (None, None)
    published: dict[tuple[int, int], int] = field(default_factory=dict)
    # The counts with which a prompt's next render starts; zero if it starts another acceptance.
    _goes_on: dict[int, tuple[int, int]] = field(default_factory=dict)
    _acceptances: dict[int, int] = field(default_factory=dict)

    # -------------------------------------------------------------------------------------- queries

    def snapshot(self, content: str) -> Snapshot:
        """The expected database, if every writing has this content."""
        return Snapshot(
            {n: known.row() for n, known in self.prompts.items() if known.here},
            dict.fromkeys(self.writings, content),
            self.rows,
            [render.row() for render in self.renders.values()],
            self.pause,
        )

    def pending(self, selection: Selection) -> list[int]:
        """Selected pending prompts, due or not."""
        return [
            prompt_id
            for prompt_id, known in self.prompts.items()
            if known.here
            and (known.status, known.artifact_status) == ("completed", "pending")
            and known.reference in self.writings
            and KINDS.get(known.prompt_type) in {kind.value for kind in selection.kinds}
            and (selection.only is None or prompt_id in selection.only)
            and prompt_id not in selection.excluding
        ]

    def claimable(self, selection: Selection, now: datetime) -> list[int]:
        """The prompts that can be claimed now, oldest first."""

        def age(prompt_id: int) -> tuple[bool, str, int]:
            created_at = self.prompts[prompt_id].created_at
            return created_at is not None, created_at or "", prompt_id

        return sorted((n for n in self.pending(selection) if not self._due(n, now)), key=age)

    def next_retry_at(self, selection: Selection, now: datetime) -> datetime | None:
        """When the first waiting prompt is due."""
        waits = [self._due(prompt_id, now) for prompt_id in self.pending(selection)]
        return min((due for due in waits if due), default=None)

    def _due(self, prompt_id: int, now: datetime) -> datetime | None:
        """The end of a prompt's wait; only its last render can have started one."""
        last = self.last(prompt_id)
        due = last.retry_at if last else None
        # A later time was written by a clock that ran ahead.
        return due if due and now < due <= now + timedelta(seconds=5400) else None

    def last(self, prompt_id: int) -> Render | None:
        """The newest render of a prompt."""
        found = [render for render in self.renders.values() if render.prompt_id == prompt_id]
        return found[-1] if found else None

    def live(self) -> list[Render]:
        """Renders without an outcome."""
        return [render for render in self.renders.values() if render.outcome is None]

    def is_held(self, render_id: int) -> bool:
        """Whether a render is live and its prompt unchanged since the claim."""
        render = self.renders[render_id]
        known = self.prompts[render.prompt_id]
        as_claimed = (known.status, known.artifact_status) == ("completed", "processing")
        same = known.here and known.reference == render.reference
        return render.outcome is None and as_claimed and same

    def closed(self, traces: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """The (prompt, render) pairs whose leftovers no worker needs."""
        busy = {render.prompt_id for render in self.live()}
        return {
            (prompt_id, render_id)
            for prompt_id, render_id in traces
            if render_id in self.renders
            and self.renders[render_id].prompt_id == prompt_id
            and prompt_id not in busy
        }
