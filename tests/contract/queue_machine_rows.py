"""The rows that a step may change, in the same form for the model and for every world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lease import ProcessIdentity


Pauses = tuple[str | None, tuple[str, str, tuple[int, ...]] | None]


@dataclass(frozen=True)
class Snapshot:
    """The whole database at one time.

    Attributes:
        prompts: by id, as ``Known.row`` returns them.
        writings: the content of each, by id.
        rows: artifacts as (prompt, path), oldest first.
        renders: as ``Render.row`` returns them, oldest first.
        pause: the reason of a user's pause; reason, code and suspects of the environment's.
    """

    prompts: dict[int, tuple[object, ...]]
    writings: dict[int, object]
    rows: list[tuple[int, str]]
    renders: list[tuple[object, ...]]
    pause: Pauses


@dataclass
class Known:
    """The expected state of a prompt."""

    prompt_type: str
    status: str
    artifact_status: str
    created_at: str | None
    reference: int | None
    error_message: str | None = None
    here: bool = True

    def row(self) -> tuple[object, ...]:
        """The columns that other programs may change."""
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
    """The expected state of a render, and the monotonic time of its last heartbeat."""

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
        """The columns of Media Generator."""
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
