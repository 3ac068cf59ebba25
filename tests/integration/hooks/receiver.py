"""A real receiver of webhooks on its own port, with behaviour that a test chooses."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Behaviour = Callable[["Handler"], None]


@dataclass
class Posted:
    """A request as it was received."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Records the requests that were posted.

    Attributes:
        address: the webhook address.
        behaviours: one for each request; after the last one, the answer is 204.
        requests: what was posted, oldest first.
        ended: set at the end of the test; hanging handlers wait for it.
    """

    address: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[Posted] = field(default_factory=list)
    ended: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.requests.append(Posted(self.path, dict(self.headers.items()), body))
        behaviours = self.receiver.behaviours
        (behaviours.pop(0) if behaviours else answering(204))(self)

    do_GET = do_POST  # noqa: N815 - the name that the standard library calls

    def log_message(self, *_: object) -> None:
        return


def answering(status: int, **headers: str) -> Behaviour:
    """Answer with a status and headers."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hanging(handler: Handler) -> None:
    """Accept the request and never answer."""
    handler.receiver.ended.wait(600)


def dripping(handler: Handler) -> None:
    """Send one byte at a time, without end."""
    connection = handler.connection
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not handler.receiver.ended.wait(0.02):
            connection.sendall(b"x")
    except OSError:
        return


def closing(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def babbling(handler: Handler) -> None:
    """Answer something that is not HTTP."""
    handler.connection.sendall(b"hello?\r\n\r\n")


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens for the duration of the block."""
    receiver = Receiver()
    handler = type("Handling", (Handler,), {"receiver": receiver})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        receiver.address = f"http://127.0.0.1:{server.server_port}/ready?queue=7"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.ended.set()
            server.shutdown()
            thread.join()
