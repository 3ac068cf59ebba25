"""One server as the pool knows it: whether it is well, and who works with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_server.api import ServerApi
from adapters.comfyui_server.job_socket import JobSocket

if TYPE_CHECKING:
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.workflow import ServerWorkflow
    from application.ports.clock import Clock
    from domain.failure import Failure
    from domain.kind import Kind

_FRESH = 5.0  # seconds for which an answer shows that a server is well
_KEEP_BAD_NEWS = 5.0  # seconds: a model may be installed at any time


@dataclass(frozen=True, slots=True)
class Aside:
    """Why a server gets no work.

    Attributes:
        failure: what a render would fail with.
        job: an id that must have left its queue before it counts as well; "" for none.
    """

    failure: Failure
    job: str = ""


@dataclass(frozen=True, slots=True)
class _Examined:
    """What an examination of a workflow found, and how long that counts."""

    workflow: ServerWorkflow
    failure: Failure | None
    until: float


class Server:
    """One server. What changes here is guarded by the pool, except what is its own.

    Attributes:
        address: where it is.
        name: for people; holds no secret.
        api: its routes.
        busy: how many seats are taken.
        sockets: of seats that are free.
        aside: why it gets no work, or None.
    """

    def __init__(self, address: ServerAddress, clock: Clock) -> None:
        self.address = address
        self.name = address.name
        self.api = ServerApi(address, self._answered)
        self.busy = 0
        self.sockets: list[JobSocket] = []
        self.aside: Aside | None = None
        self._clock = clock
        self._answered_at = -math.inf
        self._examined: dict[Kind, _Examined] = {}

    @property
    def load(self) -> float:
        """How much of it is taken; 1 and more is full."""
        return self.busy / self.address.slots

    def is_fresh(self) -> bool:
        """Whether it answered a moment ago, or holds a connection open."""
        if self._clock.monotonic() - self._answered_at < _FRESH:
            return True
        return any(socket.is_open for socket in tuple(self.sockets))

    def examined(self, workflow: ServerWorkflow) -> tuple[Failure | None] | None:
        """What an examination found, in a tuple; None when it is to be made (again)."""
        found = self._examined.get(workflow.kind)
        if found is None or found.workflow is not workflow:
            return None
        return (found.failure,) if self._clock.monotonic() < found.until else None

    def remember(self, workflow: ServerWorkflow, failure: Failure | None) -> None:
        """Keep what an examination found; good news until the server was away."""
        until = math.inf if failure is None else self._clock.monotonic() + _KEEP_BAD_NEWS
        self._examined[workflow.kind] = _Examined(workflow, failure, until)

    def forget_examinations(self) -> None:
        """It may have been restarted, with other nodes and models."""
        self._examined = {}

    def socket(self) -> JobSocket:
        """A socket for a seat, connected if there is one; under the pool's lock."""
        return self.sockets.pop() if self.sockets else JobSocket(self.address)

    def close(self) -> None:
        """End every connection of seats that are free."""
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            socket.close()
        self.api.close()

    def _answered(self) -> None:
        self._answered_at = self._clock.monotonic()
