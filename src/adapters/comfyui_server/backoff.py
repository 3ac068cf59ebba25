"""How long a server may be in trouble, and when it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.comfyui_server.trouble import ServerTroubleError

_SOONEST, _LATEST = 0.05, 2.0  # seconds between two tries


class Backoff:
    """Counts the time since a server last answered well.

    Attributes:
        seconds: that it may be in trouble.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: float | None = None
        self._pause = _SOONEST

    def pause(self, trouble: ServerTroubleError, now: float) -> float:
        """Seconds to wait before the next try; raises the trouble when it has lasted too long."""
        if self._since is None:
            self._since = now
        if not trouble.passing or now - self._since >= self.seconds:
            raise trouble
        pause, self._pause = self._pause, min(2 * self._pause, _LATEST)
        return pause

    def well(self) -> None:
        """The server answered."""
        self._since, self._pause = None, _SOONEST
