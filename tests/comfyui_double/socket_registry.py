"""The open sockets, by client id."""

from __future__ import annotations

import json
import struct
from threading import Lock
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.media import jpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comfyui_double.behaviour import Behaviour
    from tests.comfyui_double.values import Picture
    from tests.comfyui_double.websocket import WebSocket

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_JPEG = 1
_FLAGS = {"supports_preview_metadata": True, "max_upload_size": 104_857_600}


class SocketRegistry:
    """Sockets by client id, and the messages to them.

    Attributes:
        client: the client of the running job; None for a client without an id.
        node: the running node, for a client that reconnects meanwhile.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.client: str | None = None
        self.node: str | None = None
        self._behaviour = behaviour
        self._sockets: dict[str, WebSocket] = {}
        self._sent: dict[WebSocket, int] = {}
        self._lock = Lock()

    def listen(self, client_id: str, socket: WebSocket, remaining: Callable[[], int]) -> None:
        """Accept a socket, and serve it until its end. A second one with the same id takes over.

        When either of them ends, the id is forgotten, as in ComfyUI.
        """
        with self._lock:
            self._sockets[client_id] = socket
            self._sent[socket] = 0
        try:
            if not socket.accept():
                return
            self._send(socket, "status", {**status(remaining()), "sid": client_id})
            if client_id == self.client and self.node is not None:
                self._send(socket, "executing", {"node": self.node})
            for text in socket.received():
                self._hear(socket, text)
        finally:
            with self._lock:
                self._sockets.pop(client_id, None)
                self._sent.pop(socket, None)

    def connected(self) -> list[str]:
        """The client ids that have a socket."""
        with self._lock:
            return list(self._sockets)

    def tell(self, kind: str, data: dict[str, Any], client_id: str | None = None) -> None:
        """Send an event to a client; None means all clients."""
        for socket in self._audience(client_id):
            self._send(socket, kind, data)

    def show(self, picture: Picture, metadata: dict[str, Any], client_id: str | None) -> None:
        """Send a preview, with its metadata to clients that support them."""
        content = jpeg(picture)
        told = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
        for socket in self._audience(client_id):
            if socket.flags.get("supports_preview_metadata"):
                head = struct.pack(">II", _PREVIEW_WITH_METADATA, len(told)) + told
            else:
                head = struct.pack(">II", _PREVIEW, _JPEG)
            self._count(socket)
            socket.send(head + content)

    def wants_metadata(self, client_id: str | None) -> bool:
        """Whether a client supports previews with metadata."""
        sockets = self._audience(client_id)
        return any(each.flags.get("supports_preview_metadata") for each in sockets)

    def drop_all(self) -> None:
        """Drop every socket without a closing message."""
        for socket in self._audience(None):
            socket.drop()

    def _audience(self, client_id: str | None) -> list[WebSocket]:
        with self._lock:
            if client_id is None:
                return list(self._sockets.values())
            return [self._sockets[client_id]] if client_id in self._sockets else []

    def _send(self, socket: WebSocket, kind: str, data: dict[str, Any]) -> None:
        if self._behaviour.sockets == "silent":
            return
        self._count(socket)
        socket.send(json.dumps({"type": kind, "data": data}))

    def _count(self, socket: WebSocket) -> None:
        """Drop a socket that has got the maximum number of messages."""
        with self._lock:
            sent = self._sent.get(socket, 0)
            self._sent[socket] = sent + 1
        if self._behaviour.drop_after is not None and sent >= self._behaviour.drop_after:
            socket.drop()

    def _hear(self, socket: WebSocket, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("type") == "feature_flags":
            socket.flags = message.get("data", {})
            self._send(socket, "feature_flags", _FLAGS)


def status(remaining: int) -> dict[str, Any]:
    """The data of a ``status`` event."""
    return {"status": {"exec_info": {"queue_remaining": remaining}}}
