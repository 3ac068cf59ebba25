"""Giving a graph to a server, once, however badly the connection behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.api import Submission
from adapters.comfyui_server.trouble import ServerTroubleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_server.api import ServerApi
    from adapters.comfyui_server.backoff import Backoff
    from adapters.comfyui_server.stopping import StopCheck
    from application.ports.clock import Clock

_LOOK_AGAIN = 0.15  # seconds; a request that was given up may still be on its way
_OK = 200


class Submitter:
    """Posts one graph.

    Attributes:
        may_be_there: whether the server may have it.
    """

    def __init__(
        self, api: ServerApi, backoff: Backoff, clock: Clock, stop: StopCheck, *, insist: bool
    ) -> None:
        """``insist``: wait for a server that cannot be reached at all."""
        self._api = api
        self._backoff = backoff
        self._clock = clock
        self._stop = stop
        self._insist = insist
        self.may_be_there = False

    def submit(self, graph: Mapping[str, object], job: str, client_id: str) -> Submission:
        """Post it; when no answer comes, look whether it is there before posting it again.

        Raises:
            ServerTroubleError: the server did not answer for too long.
            StopAskedError: whoever watches wants no job any more.
        """
        while True:
            try:
                if self.may_be_there and self._is_there(job):
                    return Submission(_OK, job, {})
                self.may_be_there = False
                submission = self._api.submit(graph, job, client_id)
            except ServerTroubleError as trouble:
                self.may_be_there = self.may_be_there or trouble.arrived
                if not (trouble.connected or self.may_be_there or self._insist):
                    raise
                pause = self._backoff.pause(trouble, self._clock.monotonic())
            else:
                self._backoff.well()
                self.may_be_there = submission.status == _OK
                return submission
            self._stop.sleep(pause)

    def _is_there(self, job: str) -> bool:
        for pause in (_LOOK_AGAIN, 0.0):
            if self._api.queue().holds(job) or self._api.ending(job) is not None:
                return True
            self._stop.sleep(pause)
        return False
