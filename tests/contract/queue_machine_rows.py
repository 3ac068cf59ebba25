"""What a step may change, row by row, in the same words for the model and for every world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lease import ProcessIdentity


Pauses = tuple[str | None, tuple[str, str, tuple[int, ...]] | None]


@dataclass(frozen=True)
class Snapshot:
    """The whole database at one moment.

    Attributes:
        prompts: by id, as ``Known.row`` has them.
        writings: the content of each, by id.
        rows: of artifacts, as (prompt, path), oldest first.
        renders: as ``Render.row`` has them, oldest first.
        pause: why a person paused; why the environment did, with the code and the suspects.
    """

    prompts: dict[int, tuple[object, ...]]
    writings: dict[int, object]
    rows: list[tuple[int, str]]
    renders: list[tuple[object, ...]]
    pause: Pauses


@dataclass
class Known:
    """A prompt, as the database must have it."""

    prompt_type: str
    status: str
    artifact_status: str
    created_at: str | None
    reference: int | None
    error_message: str | None = None
    here: bool = True

    def row(self) -> tuple[object, ...]:
        """The columns that anybody could change."""
        return (
            self.prompt_type,
            self.status,
            self.artifact_status,
            self.created_at,
            self.reference,
            self.error_message,
        )


@dataclass
class Render:
    """A render, as the database must have it, and when it was last kept (monotonic)."""

    render_id: int
    prompt_id: int
    kind: str
    reference: int | None
    owner: ProcessIdentity
    attempt: int
    crashes: int
    acceptance: int
    heartbeat_at: float
    heartbeat: int = 0
    group: int | None = None
    outcome: str | None = None
    code: str | None = None
    retry_at: datetime | None = None

    def row(self) -> tuple[object, ...]:
        """The columns that are ours."""
        return (
            self.render_id,
            self.prompt_id,
            self.kind,
            self.reference,
            self.owner.pid,
            self.attempt,
            self.crashes,
            self.heartbeat,
            self.group,
            self.outcome,
            self.code,
            self.retry_at,
        )
