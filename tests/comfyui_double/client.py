"""A client for the tests of the double: sends requests, listens, and keeps the messages."""

from __future__ import annotations

import http.client
import json
import struct
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.client import ClientConnection

    Message = dict[str, Any]

_PATIENCE = 60.0  # seconds, on a busy machine
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Reply(NamedTuple):
    """A status, a body, and the headers by name in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever was answered)
        """The body as JSON."""
        return json.loads(self.body)


def send_request(
    url: str,
    path: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> Reply:
    """Send one request on its own connection; a body is sent as JSON, a text unchanged.

    Raises:
        OSError, http.client.HTTPException: there was no answer.
    """
    content = body if body is None or isinstance(body, str) else json.dumps(body)
    verb = method or ("GET" if content is None else "POST")
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE)
    with closing(connection):
        connection.request(verb, path, content, headers or {})
        response = connection.getresponse()
        seen = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, response.read(), seen)


class Listener:
    """A socket's client.

    Attributes:
        messages: received messages, in order; binary ones are described as in the recordings.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.messages: list[Message] = []
        self._connection = connection

    def request_metadata(self) -> None:
        """Tell the server that previews may have metadata."""
        self._connection.send(_FLAGS)

    def receive(self, seconds: float = _PATIENCE) -> Message | None:
        """Wait for the next message; None if none came, or the socket is closed.

        With zero seconds, only a message that has already arrived.
        """
        try:
            received = self._connection.recv(timeout=seconds)
        except (TimeoutError, ConnectionClosed):
            return None
        message = _described(received) if isinstance(received, bytes) else json.loads(received)
        self.messages.append(message)
        return dict(message)

    def until(self, seen: Callable[[Message], bool]) -> None:
        """Listen until a message satisfies a condition.

        Raises:
            TimeoutError: it did not come.
        """
        while message := self.receive():
            if seen(message):
                return
        raise TimeoutError(f"not heard; the last was {self.messages[-1:]}")

    def until_done(self) -> None:
        """Listen until no node of the job is executed any more."""
        self.until(lambda each: each.get("type") == "executing" and each["data"]["node"] is None)

    def settle(self) -> None:
        """Wait until all messages sent before now have arrived, or the socket is closed.

        The answer to a ping comes after them, so no timeout is needed.
        """
        with suppress(ConnectionClosed):
            assert self._connection.ping(ack_on_close=True).wait(_PATIENCE)

    def rest(self) -> None:
        """Receive everything that the server sent before now."""
        self.settle()
        while self.receive(0):
            pass

    def close(self) -> None:
        """Close the socket."""
        self._connection.close()


@contextmanager
def listening(url: str, client_id: str) -> Iterator[Listener]:
    """A socket that has received its first message, the status, unless the server is silent."""
    address = f"{url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
    # However many messages wait here, later frames are read, a pong too.
    with connect(address, proxy=None, max_size=None, max_queue=None, close_timeout=1) as connection:
        listener = Listener(connection)
        listener.settle()
        listener.receive(0)
        yield listener


def _described(content: bytes) -> Message:
    """A binary message as the recordings describe it."""
    event, second = struct.unpack_from(">II", content)
    picture = content[8:]
    seen: Message = {"binary": True, "event_type": event}
    if event == 1:
        seen["image_format"] = second
    else:
        seen["metadata"] = json.loads(picture[:second])
        picture = picture[second:]
    seen["payload_head_hex"] = picture[:16].hex()
    return seen
