"""The socket between Media Generator and a warm host; ``warm_host`` describes the messages."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_MAX_CHUNK = 65_536  # bytes
_MAX_LINE = 65_536  # bytes of an answer; a host's own have a hundred


class HostChannel:
    """Sends jobs to a host and receives its answers, without ever waiting.

    Args:
        connection: one end of a socket pair; it is closed by ``close``.

    Attributes:
        socket: the connection; ``exchange`` is due when it is readable, and now and then.
        is_open: false once the host closed its end, or sent what is no answer.
        imported: called with the message of a host that has imported ComfyUI, before its script
            continues.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self.socket = connection
        self.is_open = True
        self.imported: Callable[[dict[str, object]], object] = lambda _: None
        self._unsent = b""
        self._received = b""
        self._job = 0
        self._answer: dict[str, object] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the last message is not answered yet, and may still be."""
        return self.is_open and self._answer is None

    def ask(self, **message: object) -> None:
        """Send a message, or what is possible of it; ``exchange`` sends the rest."""
        self._job += 1
        self._answer = None
        self._send({**message, "job": self._job})

    def take_answer(self) -> dict[str, object] | None:
        """The answer to the last message, or None."""
        self.exchange()
        answer, self._answer = self._answer, None
        return answer

    def exchange(self) -> bool:
        """Send and receive what is possible now; returns whether the channel is open."""
        if self.is_open:
            with suppress(BlockingIOError):
                self._flush()
        if self.is_open:
            with suppress(BlockingIOError):
                self._receive()
        return self.is_open

    def close(self) -> None:
        """Close it; a host that is still running kills itself then."""
        self.is_open = False
        self.socket.close()

    def _send(self, message: dict[str, object]) -> None:
        self._unsent += json.dumps(message).encode() + b"\n"
        if self.is_open:
            with suppress(BlockingIOError):
                self._flush()

    def _flush(self) -> None:
        while self._unsent:
            try:
                count = self.socket.send(self._unsent)
            except BlockingIOError:
                raise
            except OSError:
                self.is_open = False
                return
            self._unsent = self._unsent[count:]

    def _receive(self) -> None:
        while self.is_open:
            try:
                chunk = self.socket.recv(_MAX_CHUNK)
            except BlockingIOError:
                raise
            except OSError:
                chunk = b""
            *lines, self._received = (self._received + chunk).split(b"\n")
            self.is_open = bool(chunk) and len(self._received) <= _MAX_LINE
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict) and "memory" in message and "imported" in message:
            self.imported(message)  # the job may have been sent meanwhile
        elif not isinstance(message, dict) or message.get("job") != self._job:
            self.is_open = False  # a script wrote to it, or the host is confused
        elif "imported" in message:
            self.imported(message)
            self._send({"go": True})
        else:
            self._answer = message
