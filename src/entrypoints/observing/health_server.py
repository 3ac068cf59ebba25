"""Health and metrics over HTTP: for few, trusted askers, none of whom can block another."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import OrderedDict
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

from entrypoints.observing.health import Answer
from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE: Final = 5.0  # seconds that one read or write may take
_LONGEST: Final = 15.0  # seconds that one connection may last
_MOST: Final = 64  # connections; the oldest gives way to a newer one
_TOLD: Final = b'{"error": "%s"}\n'


class HealthServer:
    """Serves from the moment it is made until it is closed.

    Args:
        host: a name or an address of this machine.
        port: 0 takes any that is free.
        answer: by path and by what is accepted; may be called from several threads.

    Raises:
        SettingsError: nothing can be served there.
    """

    def __init__(self, host: str, port: int, answer: Callable[[str, str], Answer]) -> None:
        family, address = _resolved(host, port)
        try:
            self._server = _Server(family, address, answer)
        except OSError as error:
            raise SettingsError([_why_not(host, port, error)]) from error
        self._address = self._server.server_address
        self._thread = Thread(
            target=self._server.serve_forever, name="health", args=(0.2,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, with the port that it got."""
        host, port = str(self._address[0]), self._address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach it."""
        address = str(self._address[0]).partition("%")[0]
        return not ipaddress.ip_address(address).is_loopback

    def close(self) -> None:
        """Listen no more, and break off what is still being asked."""
        self._server.shutdown()
        self._server.server_close()
        self._server.break_off(older_than=0.0)
        self._thread.join()


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = _MOST

    def __init__(
        self,
        family: int,
        address: Any,  # noqa: ANN401 - its form depends on the family
        answer: Callable[[str, str], Answer],
    ) -> None:
        self.address_family = family
        self.answer = answer
        self._open: OrderedDict[socket.socket, float] = OrderedDict()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Give the connection a thread; where there are too many, the oldest one ends."""
        with self._lock:
            self._open[request] = time.monotonic()
            oldest = next(iter(self._open)) if len(self._open) > _MOST else None
            if oldest is not None:
                del self._open[oldest]
                _hang_up(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as inherited
        """End a connection that was served."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End connections that last too long, however busy they look."""
        self.break_off(_LONGEST)

    def break_off(self, older_than: float) -> None:
        """End connections that are older than so many seconds."""
        with self._lock:
            now = time.monotonic()
            for request, since in self._open.items():
                if now - since >= older_than:
                    _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Nothing to say: whoever asked went away, or was answered with an error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Answer with the body."""
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._send(self._answer(), with_body=False)

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 - as inherited
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        """Refuse: what the parser of requests cannot make out, and every other method."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self.close_connection = True
        self._send(_error(status), with_body=self.command != "HEAD")

    def version_string(self) -> str:
        """Nothing that a stranger need know."""
        return "mediagen"

    def log_message(self, *_: object) -> None:
        """Say nothing: every scrape would be a line."""

    def _answer(self) -> Answer:
        try:
            accept = ",".join(self.headers.get_all("Accept", []))
            return self.server.answer(self.path.partition("?")[0], accept)
        except Exception:  # noqa: BLE001 - a mistake in one answer must not look like no daemon
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)


def _error(status: HTTPStatus) -> Answer:
    return Answer(status, "application/json", _TOLD % status.name.lower().encode())


def _hang_up(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _resolved(host: str, port: int) -> tuple[int, Any]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        what = f"web.health_host is {host!r}, which is no address that is known here ({error})"
        fix = 'Use "127.0.0.1", or another address of this machine.'
        problem = Problem("web.health_host", what, fix, "web.health_host")
        raise SettingsError([problem]) from error
    family, *_, address = found[0]
    return family, address


def _why_not(host: str, port: int, error: OSError) -> Problem:
    what = f"health and metrics cannot be served at {host}:{port}: {error.strerror or error}"
    fix = (
        "Let web.health_port be one that is free (0 takes any), web.health_host an address of"
        " this machine, or web.health_port null to serve nothing."
    )
    return Problem("web.health_port", what, fix, "web.health_port")
