"""Events: what happens in the queue, and the port through which listeners receive it.

``EVENTS`` and ``ENDINGS`` are the only tables: the name and the level of each event in logs, and
the counter that it adds to. A consumer handles the events that it shows and ignores the others,
so a new event needs its class and its row here, the code that emits it, and the code that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from domain.failure import Blame
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.failure import Failure
    from domain.prompt import Kind


class Level(IntEnum):
    """How important an event is, with the numbers of ``logging``."""

    DEBUG = 10  # several a second
    INFO = 20  # everything works as it should
    WARNING = 30  # something failed and is retried
    ERROR = 40  # a person should look at it


@dataclass(frozen=True, slots=True)
class RenderStarted:
    """A prompt was claimed."""

    prompt_id: int
    render_id: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class RenderProgressed:
    """A render reported progress.

    Attributes:
        fraction: completed share, from 0 to 1, or None if the workflow does not report it.
        message: the workflow's own description of its step, one line; may be "".
    """

    prompt_id: int
    render_id: int
    fraction: float | None
    message: str


@dataclass(frozen=True, slots=True)
class RenderPreviewed:
    """A server sent a preview of the picture.

    Attributes:
        picture: content of the image file, not verified.
        media_type: "image/jpeg" or "image/png".
    """

    prompt_id: int
    render_id: int
    picture: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class RenderReused:
    """A prompt is answered with copies of what was published for another one.

    Attributes:
        source: id of the prompt whose files are copied.
    """

    prompt_id: int
    render_id: int
    source: int


@dataclass(frozen=True, slots=True)
class RenderEnded:
    """A render has an outcome.

    Attributes:
        outcome: as recorded in the queue.
        seconds: from claim to outcome; None if the render ran in another worker.
        failure: why it was not published; None if it was, if another program changed the
            prompt, or if a lost worker's prompt is pending again.
        file_paths: published files, relative to the output root.
        attempt: number of the failed attempt, if another one follows.
        wait: seconds until the next attempt; None if there is none.
        reason: what was changed and by whom, if the render was superseded.
        workflow: name of the workflow that rendered it; "" for the only one of its kind.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    outcome: Outcome
    seconds: float | None = None
    failure: Failure | None = None
    file_paths: tuple[str, ...] = ()
    attempt: int | None = None
    wait: float | None = None
    reason: str = ""
    workflow: str = ""

    @property
    def is_postponed(self) -> bool:
        """Whether the render failed and is retried after ``wait`` seconds."""
        return self.wait is not None


@dataclass(frozen=True, slots=True)
class QueuePaused:
    """The queue was paused: no more prompts are claimed.

    Attributes:
        by: "person" or "environment".
        code: code of the failure that paused the queue, or "" if a person did.
        reason: one or two sentences.
    """

    by: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class QueueResumed:
    """The queue was resumed: prompts are claimed again."""


@dataclass(frozen=True, slots=True)
class KindUnavailable:
    """Prompts of one kind, or of one named workflow of it, cannot be rendered here, and wait.

    Attributes:
        failure: what is missing.
        workflow: the name; "" for the whole kind.
    """

    kind: Kind
    failure: Failure
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class KindRecovered:
    """Prompts of a kind, or of one named workflow of it, can be rendered here again."""

    kind: Kind
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class WorkerError:
    """A worker cannot continue for now, and retries later.

    Attributes:
        reason: what happened and what to do, for a person to read.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ServerUnhealthy:
    """A ComfyUI server is unhealthy and gets no jobs for now.

    Attributes:
        server: its address in the settings.
        code: code of the failure that revealed it.
        reason: one or two sentences, without text of a prompt.
    """

    server: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerRecovered:
    """A ComfyUI server is healthy again and gets jobs."""

    server: str


@dataclass(frozen=True, slots=True)
class ServerModels:
    """A ComfyUI server gets a job that needs models.

    Attributes:
        server: its address in the settings.
        models: file names of the models.
        were_loaded: whether the job before it had them too; otherwise the server loads some.
    """

    server: str
    models: tuple[str, ...]
    were_loaded: bool


@dataclass(frozen=True, slots=True)
class HostStarted:
    """A warm host was started, in which exported scripts run one after the other.

    Attributes:
        pid: its process id.
        workflow: file name of the first script.
    """

    pid: int
    workflow: str


@dataclass(frozen=True, slots=True)
class HostEnded:
    """A warm host has ended; the next prompt gets a new one.

    Attributes:
        prompts: number of prompts that it rendered.
        reason: why, as the end of a sentence.
    """

    pid: int
    prompts: int
    reason: str


@dataclass(frozen=True, slots=True)
class HostFailed:
    """A warm host failed; the prompt is rendered once more without it.

    Attributes:
        prompts: number of prompts that it rendered before.
        reason: what happened, without text of a prompt.
    """

    pid: int
    prompts: int
    reason: str


Event: TypeAlias = (
    RenderStarted
    | RenderProgressed
    | RenderPreviewed
    | RenderReused
    | RenderEnded
    | QueuePaused
    | QueueResumed
    | KindUnavailable
    | KindRecovered
    | WorkerError
    | ServerUnhealthy
    | ServerRecovered
    | ServerModels
    | HostStarted
    | HostEnded
    | HostFailed
)


@dataclass(frozen=True, slots=True)
class EventRow:
    """How one type of event appears in logs and metrics.

    Attributes:
        name: name in logs; scripts search for it, so it never changes.
        level: level in logs.
        metric: name of the counter that counts it, without "_total"; "" for none.
        description: help text of the counter.
    """

    name: str
    level: Level
    metric: str = ""
    description: str = ""


EVENTS: Mapping[type[Event], EventRow] = MappingProxyType(
    {
        RenderStarted: EventRow("render.started", Level.INFO),
        RenderProgressed: EventRow("render.progressed", Level.DEBUG),
        RenderPreviewed: EventRow("render.previewed", Level.DEBUG),
        RenderReused: EventRow(
            "render.reused",
            Level.INFO,
            "mediagen_reused_renders",
            "Prompts that were answered from what was published for another one.",
        ),
        RenderEnded: EventRow(
            "render.ended",
            Level.INFO,
            "mediagen_prompts",
            "Renders that ended, by outcome.",
        ),
        QueuePaused: EventRow("queue.paused", Level.ERROR),
        QueueResumed: EventRow("queue.resumed", Level.INFO),
        KindUnavailable: EventRow("kind.broken", Level.ERROR),
        KindRecovered: EventRow("kind.mended", Level.INFO),
        WorkerError: EventRow(
            "worker.troubled",
            Level.ERROR,
            "mediagen_worker_troubles",
            "Errors after which a worker had to wait.",
        ),
        ServerUnhealthy: EventRow(
            "server.set_aside",
            Level.WARNING,
            "mediagen_server_set_asides",
            "Times that a ComfyUI server became unhealthy.",
        ),
        ServerRecovered: EventRow("server.returned", Level.INFO),
        ServerModels: EventRow(
            "server.models",
            Level.DEBUG,
            "mediagen_server_jobs",
            "Jobs with models given to a ComfyUI server, by whether it had them loaded.",
        ),
        HostStarted: EventRow("host.started", Level.INFO),
        HostEnded: EventRow("host.ended", Level.INFO),
        HostFailed: EventRow("host.failed", Level.WARNING),
    }
)
"""Every event; ``ENDINGS`` has a row for each way in which a render can end."""


@dataclass(frozen=True, slots=True)
class EndingRow:
    """How one way in which a render can end appears outside; none of these texts ever changes.

    Attributes:
        name: name in logs.
        level: level in logs.
        word: the outcome in JSON lines, in the live state and on the page.
    """

    name: str
    level: Level
    word: str


ENDINGS: Mapping[Outcome, EndingRow] = MappingProxyType(
    {
        Outcome.PUBLISHED: EndingRow("prompt.ready", Level.INFO, "ready"),
        Outcome.FAILED: EndingRow("prompt.error", Level.ERROR, "error"),
        Outcome.RELEASED: EndingRow("prompt.released", Level.WARNING, "released"),
        Outcome.ABANDONED: EndingRow("render.abandoned", Level.WARNING, "recovered"),
        Outcome.SUPERSEDED: EndingRow("render.superseded", Level.INFO, "superseded"),
        Outcome.CANCELLED: EndingRow("render.superseded", Level.INFO, "superseded"),
    }
)
_POSTPONED = EndingRow("prompt.postponed", Level.WARNING, "postponed")


def ending_of(event: RenderEnded) -> EndingRow:
    """The row for a render that ended."""
    return _POSTPONED if event.is_postponed else ENDINGS[event.outcome]


def name_of(event: Event) -> str:
    """The event's name in logs."""
    return ending_of(event).name if isinstance(event, RenderEnded) else EVENTS[type(event)].name


def level_of(event: Event) -> Level:
    """The event's level in logs; what a person asked for is neither a warning nor an error."""
    match event:
        case RenderEnded(outcome=Outcome.RELEASED, failure=failure):
            asked_for = failure is not None and failure.blame is Blame.PERSON
            return Level.INFO if asked_for else Level.WARNING
        case RenderEnded():
            return ending_of(event).level
        case QueuePaused(by="person"):
            return Level.INFO
        case _:
            return EVENTS[type(event)].level


class EventListener(Protocol):
    """Receives every event. Must not raise and must not block."""

    def handle(self, event: Event) -> None:
        """Show, count or ignore an event."""
        ...


class EventFanout:
    """Passes every event to each of its listeners, in their order.

    Args:
        listeners: none of them raises or blocks.
    """

    def __init__(self, *listeners: EventListener) -> None:
        self._listeners = listeners

    def handle(self, event: Event) -> None:
        """Pass on an event."""
        for listener in self._listeners:
            listener.handle(event)
