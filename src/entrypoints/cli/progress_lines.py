"""Progress where nobody watches a terminal: one line for each prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, assert_never

from application.ports.events import (
    PromptFailed,
    PromptPublished,
    PromptReleased,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
)
from entrypoints.cli.progress import say

if TYPE_CHECKING:
    from application.ports.events import Event


def line(event: Event) -> str | None:
    """The line for an event, or None when it has none; no text of a prompt is in it."""
    match event:
        case PromptPublished():
            files = ", ".join(event.file_paths)
            return _row("ready", event.prompt_id, event.kind, event.seconds, files)
        case PromptFailed():
            what = f"{event.failure.code}: {event.failure.message}"
            return _row("error", event.prompt_id, event.kind, event.seconds, what)
        case PromptReleased():
            what = f"{event.failure.code}: {event.failure.message}"
            return _row("given back", event.prompt_id, event.kind, event.seconds, what)
        case RenderSuperseded():
            what = "another program changed this prompt meanwhile; nothing was published"
            return _row("superseded", event.prompt_id, event.kind, event.seconds, what)
        case RenderStarted() | RenderProgressed():
            return None
        case _:
            assert_never(event)


def _row(outcome: str, prompt_id: int, kind: str, seconds: float, what: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in what)
    return f"{outcome:<10} {prompt_id:>7}  {kind:<5} {seconds:>7.1f} s  {plain}"


class LineProgress:
    """Prints each prompt's end."""

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear away."""

    def expect(self, total: int) -> None:
        """Take note of how many prompts are pending."""
        say(f"{total} pending")

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        text = line(event)
        if text is not None:
            say(text)
