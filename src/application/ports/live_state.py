"""The port for looking at what the workers of a database do at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.kind import Kind
    from domain.worker import ProcessIdentity


@dataclass(frozen=True, slots=True)
class Preview:
    """What the picture of a render looks like so far.

    Attributes:
        picture: the whole file.
        media_type: "image/jpeg" or "image/png".
    """

    picture: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class RenderView:
    """A render that goes on.

    Attributes:
        started_at: UTC.
        fraction: done, from 0 to 1, or None when the workflow does not say.
        message: the workflow's own word for what it does, 100 characters at most; may be "".
        seconds_left: when the worker last showed itself, or None when unknown.
        slot: name of the render slot ("image-1"), or "" where there is only one.
        preview: grows with each preview that can be read; 0 while there is none.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    started_at: datetime
    fraction: float | None
    message: str
    seconds_left: float | None
    slot: str
    preview: int = 0


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """A render that ended a while ago.

    Attributes:
        outcome: "ready", "error", "released", "postponed", "superseded" or "recovered".
        code: of the failure, or "".
        seconds: from claim to end; None when it was taken from a worker that was lost.
        at: UTC.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    outcome: str
    code: str
    seconds: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class BrokenKind:
    """A kind of which a worker can render nothing."""

    kind: Kind
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class StandingView:
    """Why a worker claims nothing, or nothing of a kind.

    Attributes:
        paused_by: "person" or "environment", or "" when it claims.
        code: of the failure that stopped it, or "".
        reason: one or two sentences, or "".
        broken: what keeps whole kinds from being rendered there.
    """

    paused_by: str = ""
    code: str = ""
    reason: str = ""
    broken: tuple[BrokenKind, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A process that renders, as it shows itself.

    Attributes:
        command: "run" or "daemon".
        slots: how many prompts it renders at the same time at most.
        started_at: UTC.
        updated_at: UTC; when it last showed itself.
        renders: that go on, oldest first.
        outcomes: the last twenty, newest first.
    """

    identity: ProcessIdentity
    command: str
    slots: int
    started_at: datetime
    updated_at: datetime
    renders: tuple[RenderView, ...]
    outcomes: tuple[OutcomeView, ...]
    standing: StandingView


class LiveStateReader(Protocol):
    """The workers of one database, to look at. Never raises for what it finds."""

    def workers(self) -> Sequence[WorkerView]:
        """Those that live, the oldest first."""
        ...

    def preview(self, render_id: int) -> Preview | None:
        """The newest preview of a render that goes on, or None."""
        ...
