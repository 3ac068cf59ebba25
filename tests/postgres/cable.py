"""A proxy for a server that can stop delivering, like a network whose cable was pulled."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65536  # bytes


class Cable:
    """Forwards both directions until it is pulled; then it keeps the data.

    No connection is closed, as with a server that hangs. Kept data is forwarded once the cable is
    back.

    Attributes:
        port: of loopback, which leads to the server.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._whole = Event()
        self._whole.set()
        self._is_closed = False
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        """Stop forwarding."""
        self._whole.clear()

    def put_back(self) -> None:
        """Forward kept and new data again."""
        self._whole.set()

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        self._whole.set()
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._whole.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            near.close()
            return
        self._ends.append(far)
        for ends in ((near, far), (far, near)):
            Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self._whole.wait()
                if self._is_closed:
                    return
                target.sendall(chunk)
        self._whole.wait()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(server_port: int) -> Iterator[Cable]:
    """A cable to a port of loopback, closed at the end of the block."""
    made = Cable(server_port)
    try:
        yield made
    finally:
        made.close()
