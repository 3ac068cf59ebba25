"""A line on which a page arrives in two parts, as it does where the network is slow."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Halted:
    """A way to a server that stops once, in the middle of what the server says.

    Args:
        url: of the server.
        marker: behind which it stops.
        count: how many markers come before.

    Attributes:
        url: to be asked instead of the server.
    """

    def __init__(self, url: str, marker: bytes, count: int) -> None:
        place = urlsplit(url)
        self._server = (str(place.hostname), int(place.port or 80))
        self._marker, self._count = marker, count
        self._goes_on = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def go_on(self) -> None:
        """Let the rest come."""
        self._goes_on.set()

    def close(self) -> None:
        """Take nobody any more; those who are there must have hung up."""
        self.go_on()
        self._listening.shutdown(socket.SHUT_RDWR)
        for each in self._threads:
            each.join(10)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._threads.append(Thread(target=self._connect, args=(client,), daemon=True))
                self._threads[-1].start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            asking = Thread(target=self._pass, args=(client, server))
            asking.start()
            self._pass(server, client)
            asking.join()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        seen = 0
        with suppress(OSError):
            while data := source.recv(65536):
                rest = data
                while not self._goes_on.is_set() and self._marker in rest:
                    seen += 1
                    cut = rest.index(self._marker) + len(self._marker)
                    sink.sendall(rest[:cut])
                    rest = rest[cut:]
                    if seen == self._count:
                        self._goes_on.wait(30)
                sink.sendall(rest)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def halted(url: str, marker: bytes, count: int) -> Iterator[Halted]:
    """A line that stops behind the so manieth marker until it is told to go on."""
    line = Halted(url, marker, count)
    try:
        yield line
    finally:
        line.close()
