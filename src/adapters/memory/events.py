"""A listener that remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from application.ports.events import Event

_E = TypeVar("_E")


class EventRecorder:
    """Keeps every event in ``events``, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        self.events.append(event)

    def of(self, kind: type[_E]) -> list[_E]:
        """The events of one type."""
        return [event for event in self.events if isinstance(event, kind)]
