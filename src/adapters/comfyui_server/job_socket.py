"""A server's WebSocket: one connection for one seat, under an id of its own.

It tells how far a job is, and nothing depends on it: whatever it fails to say, the history says.
A thread listens as long as the server keeps the connection, so that nothing piles up there.
A second socket under the same id would disturb the first one, and the server may drop both; so a
seat has one, and takes a new id for a new connection unless a job was submitted under the old.
"""

from __future__ import annotations

import json
import time
from threading import Condition, Thread
from typing import TYPE_CHECKING
from uuid import uuid4

from urllib3 import make_headers
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from adapters.comfyui_server.messages import read_message

if TYPE_CHECKING:
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.inbox import Inbox

_OPEN_SECONDS = 3.0
_CLOSE_SECONDS = 0.5
_WAIT_FOR_OPEN = 0.5  # seconds that a job waits for its connection, once
_SOONEST, _LATEST = 0.1, 5.0  # seconds between two tries to connect
_LARGEST_FRAME = 64 * 1024**2  # bytes; a preview of a large picture
_ALL_NODES, _HEAD = '"progress_state"', 48  # where a frame says its type, in characters
_ALL_NODES_EVERY = 0.1  # seconds
# Asked for once, first of all: then previews say which job they are of.
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class JobSocket:
    """Listens for one job at a time. Connects when there is one, and stays connected."""

    def __init__(self, address: ServerAddress) -> None:
        self._url = address.socket_url
        self._headers = dict(make_headers(basic_auth=address.login)) if address.login else {}
        self._state = Condition()
        self._client_id = uuid4().hex
        self._inbox: Inbox | None = None
        self._connection: ClientConnection | None = None
        self._connecting = False
        self._failed = False
        self._closed = False
        self._thread: Thread | None = None
        self._all_nodes_due = 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def attend(self, inbox: Inbox) -> str:
        """Let what is heard of a job go to an inbox; the client id to submit it with.

        Waits a moment for a connection, but not for one that failed before.
        """
        with self._state:
            self._inbox = inbox
            if self._closed:
                return self._client_id
            if self._connection is None and not self._connecting:
                self._client_id = uuid4().hex
            if self._thread is None:
                self._thread = Thread(target=self._run, name="comfyui-socket", daemon=True)
                self._thread.start()
            self._state.notify_all()
            if not self._failed:
                self._state.wait_for(self._is_settled, _WAIT_FOR_OPEN)
                self._failed = self._connection is None
            inbox.take(0)  # that the connection was made is no news for a job that is to come
            return self._client_id

    def rest(self) -> None:
        """There is no job any more."""
        with self._state:
            self._inbox = None
            self._state.notify_all()

    def close(self) -> None:
        """End the connection and the thread."""
        with self._state:
            self._closed = True
            self._inbox = None
            connection, thread = self._connection, self._thread
            self._state.notify_all()
        if connection is not None:
            connection.close()
        if thread is not None:
            thread.join()

    def _is_settled(self) -> bool:
        return self._connection is not None or self._failed or self._closed

    def _run(self) -> None:
        pause = _SOONEST
        while self._await_job():
            if self._connected():
                pause = _SOONEST
            with self._state:
                self._state.wait_for(lambda: self._closed, pause)
            pause = min(2 * pause, _LATEST)

    def _await_job(self) -> bool:
        """Wait for a job to listen for; False when the end has come."""
        with self._state:
            self._state.wait_for(lambda: self._closed or self._inbox is not None)
            self._connecting = not self._closed
            return not self._closed

    def _connected(self) -> bool:
        """Connect, and listen until the connection ends; whether there was one."""
        opened = False
        try:
            with connect(
                f"{self._url}?clientId={self._client_id}",
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                max_size=_LARGEST_FRAME,
            ) as connection:
                connection.send(_FLAGS)
                opened = self._settled(connection)
                for frame in connection:
                    self._heard(frame)
        except (OSError, EOFError, WebSocketException):
            pass  # nothing depends on it: the history tells
        self._settled(None)
        return opened

    def _settled(self, connection: ClientConnection | None) -> bool:
        """There is a connection, or none any more; tells so, and whether there is one."""
        with self._state:
            lost = connection is None and self._connection is not None
            self._connecting = False
            self._connection = connection
            self._failed = connection is None and not lost
            if self._inbox is not None and (lost or connection is not None):
                self._inbox.disturb()
            self._state.notify_all()
            closed = self._closed
        if closed and connection is not None:
            connection.close()
        return connection is not None

    def _heard(self, frame: str | bytes) -> None:
        inbox = self._inbox
        if inbox is not None:
            inbox.frame_came()
            if not self._is_too_much(frame) and (message := read_message(frame)):
                inbox.put(message)

    def _is_too_much(self, frame: str | bytes) -> bool:
        """Whether a frame can be passed over: a list of all nodes comes with every step."""
        if isinstance(frame, bytes) or _ALL_NODES not in frame[:_HEAD]:
            return False
        now = time.monotonic()
        if now < self._all_nodes_due:
            return True
        self._all_nodes_due = now + _ALL_NODES_EVERY
        return False
