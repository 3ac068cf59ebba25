"""A WebSocket on a connection that an HTTP server accepted."""

from __future__ import annotations

import contextlib
import socket
from threading import Lock
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65_536


class WebSocket:
    """Sends from any thread, receives in one.

    Args:
        connection: the connection with the upgrade request.
        request: the head of that request.

    Attributes:
        flags: features that the client announced.
    """

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self.flags: dict[str, object] = {}
        self._connection = connection
        self._request = request
        self._protocol = ServerProtocol()
        self._lock = Lock()

    def accept(self) -> bool:
        """Accept the upgrade; False if the request was not a valid one.

        From then on the client counts as connected, so senders must already know it.
        """
        with self._lock:
            self._protocol.receive_data(self._request)
            for event in self._protocol.events_received():
                if isinstance(event, Request):
                    response = self._protocol.accept(event)
                    self._protocol.send_response(response)
                    self._flush()
                    return response.status_code == 101
            return False

    def send(self, message: str | bytes) -> None:
        """Send a text or a binary message; ignored if the client is gone."""
        with self._lock, contextlib.suppress(OSError):
            if self._protocol.state.name != "OPEN":
                return
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
            self._flush()

    def received(self) -> Iterator[str]:
        """Text messages of the client, until the connection ends."""
        while data := self._receive():
            with self._lock:
                self._protocol.receive_data(data)
                events = self._protocol.events_received()
                with contextlib.suppress(OSError):
                    self._flush()
            for event in events:
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield bytes(event.data).decode()
            if self._protocol.close_expected():
                return

    def drop(self) -> None:
        """Close the connection without a closing message."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(_CHUNK)
        except OSError:
            return b""

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._connection.sendall(data)
