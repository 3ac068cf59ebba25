"""What the service manager's status says of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

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
from entrypoints.observing.discretion import reason_of_pause

if TYPE_CHECKING:
    from adapters.systemd_notice import SystemdNotice
    from application.ports.events import Event
    from domain.kind import Kind


class ManagerStatus:
    """Tells the service manager when the queue stands still, and when it goes on.

    Args:
        manager: the line to it.
    """

    def __init__(self, manager: SystemdNotice) -> None:
        self._manager = manager
        self._broken: dict[Kind, str] = {}

    def begin(self) -> None:
        """Say that it is at work; what is still wrong is found, and told, anew."""
        self._broken.clear()
        self._tell()

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case QueuePaused():
                self._manager.status(f"paused: {reason_of_pause(event.code, event.reason)}")
            case KindBroken():
                why = f"{event.failure.code}: {event.failure.hint}"
                self._broken[event.kind] = f"nothing of kind {event.kind}: {why}"
                self._tell()
            case KindMended():
                self._broken.pop(event.kind, None)
                self._tell()
            case QueueResumed():
                self._tell()
            case ServerSetAside() | ServerReturned():
                pass  # the queue goes on; when no server is left its kind is broken
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

    def _tell(self) -> None:
        self._manager.status("; ".join(self._broken.values()) or "at work")
