"""The port to the live state of the workers of a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.lease import ProcessIdentity
    from domain.prompt import Kind


@dataclass(frozen=True, slots=True)
class Preview:
    """An unfinished picture of a render.

    Attributes:
        picture: the whole file.
        media_type: "image/jpeg" or "image/png".
    """

    picture: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class RenderView:
    """A render in progress.

    Attributes:
        started_at: UTC.
        fraction: progress from 0 to 1, or None if the workflow does not report it.
        message: the workflow's name for its current step, up to 100 characters; may be "".
        seconds_left: estimate at the time of the worker's last update, or None if unknown.
        slot: name of the render slot ("image-1"), or "" if there is only one.
        preview: number of the newest readable preview, from 1; 0 if there is none.
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
    """A render that has ended.

    Attributes:
        outcome: "ready", "error", "released", "postponed", "superseded" or "recovered".
        code: failure code, or "".
        seconds: time from claim to end; None if it was recovered from a dead worker.
        at: time of the end, UTC.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    outcome: str
    code: str
    seconds: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class UnavailableKind:
    """A media kind, or one named workflow of it, that a worker cannot render now, and why.

    Attributes:
        workflow: the name; "" for the whole kind.
        since: when a worker found it first, in UTC, if no running worker of this machine says so.
        elsewhere: the other machine or settings that it belongs to, as in ``Pause``; "" for none.
        is_partial: whether only some prompts wait: those whose briefs name what no server that
            answers offers.
    """

    kind: Kind
    code: str
    message: str
    hint: str
    workflow: str = ""
    since: str = ""
    elsewhere: str = ""
    is_partial: bool = False

    @property
    def is_whole_kind(self) -> bool:
        """Whether no prompt of the kind can be rendered."""
        return not self.workflow and not self.is_partial


@dataclass(frozen=True, slots=True)
class GateView:
    """Why a worker claims nothing, or nothing of some kinds.

    Attributes:
        paused_by: "person" or "environment", or "" if it claims prompts.
        code: code of the failure that paused it, or "".
        reason: one or two sentences, or "".
        unavailable: the kinds, and the named workflows, that it cannot render.
    """

    paused_by: str = ""
    code: str = ""
    reason: str = ""
    unavailable: tuple[UnavailableKind, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerView:
    """A ComfyUI server that got jobs of a worker.

    Attributes:
        server: its address in the settings.
        models: file names of the models of its last job that needed some.
        jobs: number of jobs with models that it got from the worker.
        hits: number of those whose models it had loaded.
        switches_per_hour: number of those in the last hour for which it loaded models.
    """

    server: str
    models: tuple[str, ...]
    jobs: int
    hits: int
    switches_per_hour: int


@dataclass(frozen=True, slots=True)
class WorkerView:
    """The live state of a worker process.

    Attributes:
        command: "run" or "daemon".
        slots: the most prompts that it renders at the same time.
        started_at: UTC.
        updated_at: time of this state, UTC.
        renders: renders in progress, oldest first.
        outcomes: the last twenty renders that ended, newest first.
        servers: those that got jobs with models, by name.
    """

    identity: ProcessIdentity
    command: str
    slots: int
    started_at: datetime
    updated_at: datetime
    renders: tuple[RenderView, ...]
    outcomes: tuple[OutcomeView, ...]
    gate: GateView
    servers: tuple[ServerView, ...] = ()


@dataclass(frozen=True, slots=True)
class HostView:
    """A warm host: a process that keeps ComfyUI and runs one exported script after the other.

    Attributes:
        owner: the worker that started it.
        pid: its process id.
        scripts: file names of the scripts that it has run.
        prompts: number of prompts that it rendered.
        memory_bytes: memory that it occupies now; None if unknown.
        started_at: UTC.
        used_at: when its last prompt ended, UTC; None before the first.
    """

    owner: ProcessIdentity
    pid: int
    scripts: tuple[str, ...]
    prompts: int
    memory_bytes: int | None
    started_at: datetime
    used_at: datetime | None


class HostReader(Protocol):
    """Reads which warm hosts the workers of one database keep. Never raises for what it finds."""

    def hosts(self) -> Sequence[HostView]:
        """Living hosts of living workers, oldest first."""
        ...


class LiveStateReader(Protocol):
    """Reads the live state of the workers of one database. Never raises for what it finds."""

    def workers(self) -> Sequence[WorkerView]:
        """Living workers, oldest first."""
        ...

    def preview(self, render_id: int) -> Preview | None:
        """The newest preview of a render in progress, or None."""
        ...
