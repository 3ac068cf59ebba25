"""Progress where nobody watches a terminal: one line for each prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, assert_never

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


def line(event: Event) -> str | None:
    """The line for an event, or None when it has none; no text of a prompt is in it."""
    match event:
        case RenderStarted() | RenderProgressed() | RenderPreviewed():
            return None
        case QueuePaused() | QueueResumed() | WorkerTroubled():
            return None  # the summary says it
        case ServerSetAside():
            return _plain(f"{'set aside':<10} {event.server}  {event.code}: {event.reason}")
        case ServerReturned():
            return _plain(f"{'back':<10} {event.server}")
        case KindBroken() | KindMended():
            return None  # the summary says it
        case _:
            return _line_of_end(event)


def _line_of_end(event: Ended) -> str:
    outcome, what = _told(event)
    seconds = 0.0 if isinstance(event, RenderAbandoned) else event.seconds
    about = f"{outcome:<10} {event.prompt_id:>7}  {event.kind:<5} {seconds:>7.1f} s"
    return f"{about}  {_plain(what)}"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _told(event: Ended) -> tuple[str, str]:
    match event:
        case PromptPublished():
            return "ready", ", ".join(event.file_paths)
        case PromptFailed():
            return "error", _failure(event.failure)
        case PromptReleased():
            return "given back", _failure(event.failure)
        case PromptPostponed():
            again = f"attempt {event.attempt} failed, the next is in {event.wait:.0f} s"
            return "postponed", f"{again}: {_failure(event.failure)}"
        case RenderSuperseded():
            return "superseded", f"{event.reason}; nothing was published"
        case RenderAbandoned():
            what = event.failure.message if event.failure else "pending again"
            return "taken over", f"its worker was lost; {what}"
        case _:
            assert_never(event)


def _failure(failure: Failure) -> str:
    return f"{failure.code}: {failure.message}"


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
