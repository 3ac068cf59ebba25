"""The servers, their seats, and which of them are set aside until they are well again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_server.probing import Prober
from adapters.comfyui_server.server import Aside, Server
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.job_socket import JobSocket
    from adapters.comfyui_server.stopping import StopCheck
    from application.ports.clock import Clock
    from domain.kind import Kind

_LOOK_EVERY = 0.1  # seconds, while every seat is taken


@dataclass(frozen=True, slots=True)
class Seat:
    """The right to give a server one job.

    Attributes:
        server: whose it is.
        socket: hears of the job.
    """

    server: Server
    socket: JobSocket


class ServerPool:
    """Servers and their seats. Safe from several threads.

    Args:
        servers: where they are; the first ones are preferred.
        clock: to measure with.
        tell: called with a server's name and the failure for which it is set aside, or None
            when it is back; from any thread.
    """

    def __init__(
        self,
        servers: Sequence[ServerAddress],
        clock: Clock,
        tell: Callable[[str, Failure | None], None] = lambda _name, _failure: None,
    ) -> None:
        self.servers = tuple(Server(address, clock) for address in servers)
        self._tell = tell
        self._changed = Condition()
        self._prober = Prober(clock, self._set_back)
        self._closed = False

    def of_kind(self, kind: Kind) -> tuple[Server, ...]:
        """The servers that render a kind."""
        return tuple(server for server in self.servers if kind in server.address.kinds)

    def none_for(self, kind: Kind) -> Failure:
        """The failure of a kind for which no server is configured."""
        text = f"no ComfyUI server is configured for the kind {kind.value!r}"
        return Failure(FailureCode.SERVER_UNREACHABLE, text)

    def find(self, name: str) -> Server | None:
        """The server with a name."""
        return next((server for server in self.servers if server.name == name), None)

    def has_other(self, server: Server, kind: Kind) -> bool:
        """Whether another server for a kind is not set aside."""
        others = (other for other in self.of_kind(kind) if other is not server)
        return any(other.aside is None for other in others)

    @contextmanager
    def seated(self, seat: Seat) -> Iterator[Seat]:
        """Give the seat back afterwards."""
        try:
            yield seat
        finally:
            seat.socket.rest()
            self._give_back(seat)

    def take(
        self, kind: Kind, stop: StopCheck, refusal: Callable[[Server], Failure | None]
    ) -> Result[Seat, Failure]:
        """A seat on the least busy server that is well; waits while all seats are taken.

        Args:
            kind: of the media.
            stop: asked while waiting.
            refusal: why a server cannot do the job, or None.

        Returns:
            The seat, or why no server can.

        Raises:
            StopAskedError: whoever watches wants it.
        """
        while True:
            stop.check()
            servers = sorted(self.of_kind(kind), key=lambda server: server.load)
            refusals: list[Failure] = []
            for server in servers:
                if server.load >= 1 and server.aside is None:
                    continue
                failure = refusal(server)
                if failure is not None:
                    refusals.append(failure)
                elif seat := self.take_on(server, beyond=False):
                    return Success(seat)
            if len(refusals) == len(servers):
                return Refused(refusals[0] if refusals else self.none_for(kind))
            with self._changed:
                self._changed.wait(_LOOK_EVERY)

    def take_on(self, server: Server, *, beyond: bool) -> Seat | None:
        """A seat on one server; ``beyond`` its number, for a job that is there already."""
        with self._changed:
            if self._closed or (server.load >= 1 and not beyond):
                return None
            server.busy += 1
            return Seat(server, server.socket())

    def set_aside(self, server: Server, failure: Failure, job: str = "") -> None:
        """Give a server no work until it answers, and until a job has left its queue."""
        with self._changed:
            news = server.aside is None and not self._closed
            server.aside = Aside(failure, job)
            server.forget_examinations()
            self._changed.notify_all()
        self._prober.watch(server)
        if news:
            self._tell(server.name, failure)

    def close(self) -> None:
        """End every connection and thread of seats that are free; no seat is given any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._prober.close()
        for server in self.servers:
            server.close()

    def _set_back(self, server: Server) -> None:
        with self._changed:
            if server.aside is None:
                return
            server.aside = None
            server.forget_examinations()
            self._changed.notify_all()
        self._tell(server.name, None)

    def _give_back(self, seat: Seat) -> None:
        with self._changed:
            seat.server.busy -= 1
            keep = not self._closed and len(seat.server.sockets) < seat.server.address.slots
            if keep:
                seat.server.sockets.append(seat.socket)
            self._changed.notify_all()
        if not keep:
            seat.socket.close()
