"""Several listeners, where there is room for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.ports.events import Event, EventListener


class Audience:
    """Tells every event to each of its listeners, in their order.

    Args:
        listeners: none of them raises or blocks.
    """

    def __init__(self, *listeners: EventListener) -> None:
        self._listeners = listeners

    def notice(self, event: Event) -> None:
        """Pass on what happened."""
        for listener in self._listeners:
            listener.notice(event)
