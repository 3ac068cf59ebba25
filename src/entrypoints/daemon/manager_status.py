"""What the service manager's status says of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from application.ports.events import (
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
from entrypoints.observing.discretion import reason_of_pause

if TYPE_CHECKING:
    from adapters.systemd_notice import SystemdNotice
    from application.ports.events import Event

AT_WORK = "at work"


class ManagerStatus:
    """Tells the service manager when the queue stands still, and when it goes on.

    Args:
        manager: the line to it.
    """

    def __init__(self, manager: SystemdNotice) -> None:
        self._manager = manager

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case QueuePaused():
                self._manager.status(f"paused: {reason_of_pause(event.code, event.reason)}")
            case QueueResumed():
                self._manager.status(AT_WORK)
            case ServerSetAside() | ServerReturned():
                pass  # the queue goes on; when no server is left it is paused
            case WorkerTroubled():
                pass  # it is tried again, and nobody says when it is over
            case RenderStarted() | RenderProgressed() | RenderPreviewed():
                pass
            case RenderAbandoned() | RenderSuperseded():
                pass
            case PromptPublished() | PromptFailed() | PromptReleased() | PromptPostponed():
                pass
            case _:
                assert_never(event)
