"""Progress for programs: one JSON document on a line for each prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, assert_never

import msgspec

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
from entrypoints.cli.progress import say

if TYPE_CHECKING:
    from application.ports.events import Ended, Event
    from domain.failure import Failure


def document(event: Event) -> dict[str, object] | None:
    """What is printed for an event, or None when nothing is."""
    match event:
        case RenderStarted() | RenderProgressed() | RenderPreviewed():
            return None
        case QueuePaused() | QueueResumed() | WorkerTroubled():
            return None  # the summary says it
        case ServerSetAside():
            return {
                "event": "server_set_aside",
                "server": event.server,
                "code": event.code,
                "reason": event.reason,
            }
        case ServerReturned():
            return {"event": "server_returned", "server": event.server}
        case KindBroken() | KindMended():
            return None  # the summary says it
        case _:
            return _of_end(event)


def _of_end(event: Ended) -> dict[str, object]:
    match event:
        case PromptPublished():
            told: dict[str, object] = {"files": event.file_paths}
        case PromptFailed() | PromptReleased():
            told = _failure(event.failure)
        case PromptPostponed():
            told = {"attempt": event.attempt, "retry_in": round(event.wait, 1)}
            told |= _failure(event.failure)
        case RenderSuperseded():
            told = {"reason": event.reason}
        case RenderAbandoned():
            told = _failure(event.failure) if event.failure else {}
        case _:
            assert_never(event)
    about: dict[str, object] = {
        "event": event.word,
        "prompt_id": event.prompt_id,
        "render_id": event.render_id,
        "kind": event.kind.value,
    }
    if not isinstance(event, RenderAbandoned):
        about["seconds"] = round(event.seconds, 3)
    return about | told


def _failure(failure: Failure) -> dict[str, object]:
    return {"code": failure.code.value, "message": failure.message, "hint": failure.hint}


class JsonProgress:
    """Prints JSON lines; the summary of the command is the last of them."""

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear away."""

    def expect(self, total: int) -> None:
        """Take note of how many prompts are pending."""
        say(msgspec.json.encode({"event": "start", "pending": total}))

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        found = document(event)
        if found is not None:
            say(msgspec.json.encode(found))
