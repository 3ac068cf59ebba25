"""A listener that records events."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from application.ports.events import RenderEnded, ending_of

if TYPE_CHECKING:
    from application.ports.events import Event

_E = TypeVar("_E")


class EventRecorder:
    """Keeps every event in ``events``, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        """Record an event."""
        self.events.append(event)

    def of(self, kind: type[_E]) -> list[_E]:
        """The events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    def ended(self, word: str) -> list[RenderEnded]:
        """The renders that ended in a way, by its name in JSON: "ready", "error"."""
        return [event for event in self.of(RenderEnded) if ending_of(event).word == word]
