"""What is logged of each event: its level, its name, its fields."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from application.ports.events import (
    KindBroken,
    KindMended,
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    QueueResumed,
    RenderAbandoned,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
    ServerReturned,
    ServerSetAside,
    WorkerTroubled,
)
from application.ports.queue_controls import PausedBy
from domain.failure import Blame
from entrypoints.observing.discretion import reason_of_pause, telling

if TYPE_CHECKING:
    from application.ports.events import Ended, Event, QueueEvent

_DIGITS: Final = 3  # of seconds, behind the point


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log.

    Attributes:
        level: one of the numbers of ``logging``.
        event: the name, which never changes.
        fields: what JSON can hold.
    """

    level: int
    event: str
    fields: dict[str, object]


def line_of(event: Event) -> Line:
    """The line for an event, without a word of a prompt, a workflow or a file's name."""
    match event:
        case RenderStarted():
            return Line(logging.INFO, "render.started", _about(event))
        case RenderProgressed():
            fields: dict[str, object] = {"prompt": event.prompt_id, "render": event.render_id}
            if event.fraction is not None:
                fields["fraction"] = round(event.fraction, _DIGITS)
            return Line(logging.DEBUG, "render.progressed", fields)
        case RenderPreviewed():
            return Line(logging.DEBUG, "render.previewed", _previewed(event))
        case QueuePaused() | QueueResumed() | KindBroken() | KindMended() | WorkerTroubled():
            return _of_queue(event)
        case ServerSetAside() | ServerReturned():
            return _of_server(event)
        case _:
            return _of_end(event)


def _of_end(event: Ended) -> Line:
    about = _about(event)
    if not isinstance(event, RenderAbandoned):
        about["seconds"] = round(event.seconds, _DIGITS)
    match event:
        case PromptPublished():
            return Line(logging.INFO, "prompt.ready", about | {"files": len(event.file_paths)})
        case PromptFailed():
            return Line(logging.ERROR, "prompt.error", about | telling(event.failure))
        case PromptReleased():
            wished = event.failure.blame is Blame.PERSON
            level = logging.INFO if wished else logging.WARNING
            return Line(level, "prompt.released", about | telling(event.failure))
        case PromptPostponed():
            again = {"attempt": event.attempt, "wait": round(event.wait, _DIGITS)}
            return Line(logging.WARNING, "prompt.postponed", about | again | telling(event.failure))
        case RenderSuperseded():
            return Line(logging.INFO, "render.superseded", about | {"reason": event.reason})
        case RenderAbandoned():
            told = telling(event.failure) if event.failure else {}
            return Line(logging.WARNING, "render.abandoned", about | told)
        case _:
            assert_never(event)


def _of_queue(event: QueueEvent) -> Line:
    match event:
        case QueuePaused():
            level = logging.INFO if event.by == PausedBy.PERSON else logging.ERROR
            fields: dict[str, object] = {"by": str(event.by)}
            if event.code:
                fields["code"] = event.code
            fields["reason"] = reason_of_pause(event.code, event.reason)
            return Line(level, "queue.paused", fields)
        case QueueResumed():
            return Line(logging.INFO, "queue.resumed", {})
        case KindBroken():
            about: dict[str, object] = {"kind": event.kind.value}
            return Line(logging.ERROR, "kind.broken", about | telling(event.failure))
        case KindMended():
            return Line(logging.INFO, "kind.mended", {"kind": event.kind.value})
        case WorkerTroubled():
            return Line(logging.ERROR, "worker.troubled", {"reason": event.reason})
        case _:
            assert_never(event)


def _of_server(event: ServerSetAside | ServerReturned) -> Line:
    match event:
        case ServerSetAside():
            reason = reason_of_pause(event.code, event.reason)
            fields = {"server": event.server, "code": event.code, "reason": reason}
            return Line(logging.WARNING, "server.set_aside", dict(fields))
        case ServerReturned():
            return Line(logging.INFO, "server.returned", {"server": event.server})
        case _:
            assert_never(event)


def _previewed(event: RenderPreviewed) -> dict[str, object]:
    about: dict[str, object] = {"prompt": event.prompt_id, "render": event.render_id}
    return about | {"media_type": event.media_type, "bytes": len(event.picture)}


def _about(event: RenderStarted | Ended) -> dict[str, object]:
    return {"prompt": event.prompt_id, "render": event.render_id, "kind": event.kind.value}
