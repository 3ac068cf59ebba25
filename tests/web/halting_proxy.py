"""A proxy that delivers a page in two parts, like a slow network."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class HaltingProxy:
    """A proxy for a server that stops once, in the middle of a response.

    Args:
        url: the server's address.
        marker: bytes after which it stops.
        count: number of markers after which it stops.

    Attributes:
        url: the proxy's address.
    """

    def __init__(self, url: str, marker: bytes, count: int) -> None:
        address = urlsplit(url)
        self._server = (str(address.hostname), int(address.port or 80))
        self._marker, self._count = marker, count
        self._resumed = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def resume(self) -> None:
        """Deliver the rest."""
        self._resumed.set()

    def close(self) -> None:
        """Accept no more connections; existing ones must have been closed by the client."""
        self.resume()
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
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
                while not self._resumed.is_set() and self._marker in rest:
                    seen += 1
                    cut = rest.index(self._marker) + len(self._marker)
                    sink.sendall(rest[:cut])
                    rest = rest[cut:]
                    if seen == self._count:
                        self._resumed.wait(30)
                sink.sendall(rest)
        for thread in (source, sink):
            with suppress(OSError):
                thread.shutdown(socket.SHUT_RDWR)


@contextmanager
def halting_proxy(url: str, marker: bytes, count: int) -> Iterator[HaltingProxy]:
    """A proxy that stops after the given number of markers until it is resumed."""
    line = HaltingProxy(url, marker, count)
    try:
        yield line
    finally:
        line.close()
