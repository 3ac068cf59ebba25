"""Ending a job on its server: ours, by its id, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.trouble import ServerTroubleError

if TYPE_CHECKING:
    from adapters.comfyui_server.api import ServerApi
    from application.ports.clock import Clock

_SOONEST, _LATEST = 0.02, 0.25  # seconds between two looks
_ASK_AGAIN = 2.0  # seconds


def end_job(api: ServerApi, job: str, clock: Clock, seconds: float) -> bool:
    """Take a job from the queue, or interrupt it, and wait until it is gone.

    An interrupt is heard between two steps, so it may take a while. Older servers do not look
    at the id that comes with it and stop whatever runs: it is sent only when the queue has just
    said that this very job runs.

    Args:
        api: of its server.
        job: its id.
        clock: to wait by.
        seconds: to wait at most.

    Returns:
        Whether it certainly neither runs nor waits any more. False as well when the server
        cannot be asked.
    """
    deadline = clock.monotonic() + seconds
    ask_at, pause = 0.0, _SOONEST
    while True:
        try:
            sight = api.queue()
            if not sight.holds(job):
                return True
            if job in sight.waiting:
                api.delete(job)
            elif clock.monotonic() >= ask_at:
                api.interrupt(job)
                ask_at = clock.monotonic() + _ASK_AGAIN
        except ServerTroubleError as trouble:
            if not trouble.passing:
                return False
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(pause)
        pause = min(2 * pause, _LATEST)
