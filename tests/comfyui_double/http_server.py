"""HTTP and WebSocket on one port, each connection in its own thread."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING

from tests.comfyui_double.requests import Answer, Request, request_of
from tests.comfyui_double.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_SECONDS = 0.02  # maximum delay of a shutdown
_PATIENCE = 60.0  # seconds


class Handler(BaseHTTPRequestHandler):
    """A connection's handler."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = request_of(self.command, self.path, dict(self.headers.items()), body)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._upgrade(request)
            return
        answer = self.server.answer(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        if answer.content_type:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = serve  # noqa: N815 (the parent looks for these names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as the parent has it)
        """Log nothing: the double records requests itself."""

    def _upgrade(self, request: Request) -> None:
        self.close_connection = True
        listen = self.server.listener(request)
        if isinstance(listen, Answer):
            self.send_response_only(listen.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        head = f"{self.requestline}\r\n{self.headers.as_string()}".replace("\r\n", "\n")
        listen(WebSocket(self.connection, head.replace("\n", "\r\n").encode("latin-1")))


class HttpServer(ThreadingHTTPServer):
    """Serves until it is closed, which ends all of its threads.

    Attributes:
        answer: returns the answer to a request; None closes the connection without one.
        listener: returns a function that accepts and serves a socket, or an answer that refuses it.
        mistakes: exceptions of handlers that the client did not cause.
    """

    daemon_threads = False

    def __init__(
        self,
        port: int,
        answer: Callable[[Request], Answer | None],
        listener: Callable[[Request], Callable[[WebSocket], None] | Answer],
    ) -> None:
        self.answer = answer
        self.listener = listener
        self.mistakes: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = Thread(
            target=self.serve_forever, args=(_LOOK_SECONDS,), name="comfyui-double-http"
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server_port

    def server_bind(self) -> None:
        """Bind the port: after a restart, another program's connection may use it for a moment.

        Unlike the parent's method, it looks up no name for the address.
        """
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                TCPServer.server_bind(self)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                    raise
                time.sleep(_LOOK_SECONDS)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection, and remember it."""
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forget a connection, and close it."""
        assert isinstance(request, socket.socket)
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnected; record other exceptions as errors of the double."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.mistakes.append(error)

    def close(self) -> None:
        """End every connection and every thread."""
        self.shutdown()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()
