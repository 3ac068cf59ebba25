"""Progress for programs: one JSON document on a line for each prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from application.ports.events import (
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueueEvent,
    RenderAbandoned,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
)
from entrypoints.cli.progress import say

if TYPE_CHECKING:
    from application.ports.events import Event


def document(event: Event) -> dict[str, object] | None:
    """What is printed for an event, or None when nothing is."""
    if isinstance(event, RenderStarted | RenderProgressed | QueueEvent):
        return None
    found: dict[str, object] = {
        "event": _NAMES[type(event)],
        "prompt_id": event.prompt_id,
        "render_id": event.render_id,
        "kind": event.kind.value,
    }
    if not isinstance(event, RenderAbandoned):
        found["seconds"] = round(event.seconds, 3)
    if isinstance(event, PromptPostponed):
        found |= {"attempt": event.attempt, "retry_in": round(event.wait, 1)}
    if isinstance(event, RenderSuperseded):
        found["reason"] = event.reason
    if isinstance(event, PromptPublished):
        found["files"] = event.file_paths
    if isinstance(event, PromptFailed | PromptReleased | PromptPostponed):
        found |= {
            "code": event.failure.code.value,
            "message": event.failure.message,
            "hint": event.failure.hint,
        }
    return found


_NAMES: dict[type, str] = {
    PromptPublished: "ready",
    PromptFailed: "error",
    PromptReleased: "released",
    PromptPostponed: "postponed",
    RenderSuperseded: "superseded",
    RenderAbandoned: "recovered",
}


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
