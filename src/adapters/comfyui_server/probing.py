"""Looking after servers that are set aside, until they are well again."""

from __future__ import annotations

from threading import Condition, Thread
from typing import TYPE_CHECKING

from adapters.comfyui_server.trouble import ServerTroubleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.comfyui_server.server import Server
    from application.ports.clock import Clock

_SOONEST, _LATEST, _GROWTH = 0.5, 5.0, 1.5  # seconds between two looks


class Prober:
    """Asks servers that are set aside, by a thread that lasts as long as there are any.

    Args:
        clock: to measure with.
        well: called with a server that is well again.
    """

    def __init__(self, clock: Clock, well: Callable[[Server], None]) -> None:
        self._clock = clock
        self._well = well
        self._state = Condition()
        self._due: dict[Server, tuple[float, float]] = {}  # when, and the pause before
        self._thread: Thread | None = None
        self._closed = False

    def watch(self, server: Server) -> None:
        """Look after a server from now on."""
        with self._state:
            if self._closed:
                return
            self._due[server] = (self._clock.monotonic() + _SOONEST, _SOONEST)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="comfyui-prober", daemon=True)
                self._thread.start()
            self._state.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._state:
            self._closed = True
            thread = self._thread
            self._state.notify_all()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (server := self._next()) is not None:
            if is_well(server):
                with self._state:
                    self._due.pop(server, None)
                self._well(server)
            else:
                with self._state:
                    pause = min(self._due[server][1] * _GROWTH, _LATEST)
                    self._due[server] = (self._clock.monotonic() + pause, pause)

    def _next(self) -> Server | None:
        """The server whose look is due, when it is; None when there is none to look after."""
        with self._state:
            while not self._closed and self._due:
                server, (moment, _) = min(self._due.items(), key=lambda item: item[1][0])
                wait = moment - self._clock.monotonic()
                if wait <= 0:
                    return server
                self._state.wait(wait)
            self._thread = None
            return None


def is_well(server: Server) -> bool:
    """Whether a server answers, and no longer holds the job on which it got stuck."""
    aside = server.aside
    try:
        server.api.system_stats()
        return not (aside and aside.job and server.api.queue().holds(aside.job))
    except ServerTroubleError:
        return False
