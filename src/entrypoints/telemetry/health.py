"""Health and metrics over HTTP: for a few trusted clients, none of which can block another.

Responses name codes only, never paths, addresses or prompts.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from application.ports.database import PausedBy
from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import CollectorRegistry

    from domain.prompt import Kind
    from entrypoints.telemetry.queue_metrics import PauseSnapshot

MAX_CONNECTIONS: Final = 64  # a further one closes the oldest
MAX_CONNECTION_SECONDS: Final = 15.0
_MAX_IO_SECONDS: Final = 5.0  # for one read or write
_POLL_INTERVAL: Final = 0.2  # seconds between looks at the age of connections


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: HTTPStatus
    content_type: str
    body: bytes


class Health:
    """Responses by path.

    Args:
        registry: the metrics.
        is_alive: whether the main loop is running.
        pause: whether the queue is paused, or None if the database cannot be read.
        kinds: the kinds that are rendered here, each with the code of what is missing, or "".
        report: gets the path and the error if a bug keeps a request from being answered.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        is_alive: Callable[[], bool],
        pause: Callable[[], PauseSnapshot | None],
        kinds: Callable[[], Mapping[Kind, str]],
        report: Callable[[str, Exception], None],
    ) -> None:
        self._registry = registry
        self._is_alive = is_alive
        self._pause = pause
        self._kinds = kinds
        self._report = report

    def respond(self, path: str, accept: str) -> Response:
        """The response to a request; never raises.

        Args:
            path: without a query.
            accept: the Accept header; it chooses Prometheus' text format or OpenMetrics.
        """
        try:
            match path:
                case "/metrics":
                    return self._metrics(accept)
                case "/healthz" | "/readyz" if not self._is_alive():
                    return _unavailable("main_loop_stands_still")
                case "/healthz":
                    return _json(HTTPStatus.OK, status="ok")
                case "/readyz":
                    return self._ready()
                case _:
                    return _error(HTTPStatus.NOT_FOUND)
        except Exception as error:  # noqa: BLE001 - a bug here must not look like a dead daemon
            self._report(path, error)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _ready(self) -> Response:
        snapshot = self._pause()
        if snapshot is None:
            return _unavailable("database_unavailable")
        pause = snapshot.pause
        if pause is not None and pause.by is PausedBy.ENVIRONMENT:
            return _unavailable("paused_by_environment", code=pause.code)
        missing = tuple(self._kinds().values())
        if missing and all(missing):
            return _unavailable("nothing_can_be_rendered", code=missing[0])
        if pause is not None:
            return _json(HTTPStatus.OK, status="ok", paused_by=pause.by.value)
        return _json(HTTPStatus.OK, status="ok")

    def _metrics(self, accept: str) -> Response:
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # an invalid version
            encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        return Response(HTTPStatus.OK, content_type, encode(self._registry))


def _unavailable(reason: str, **fields: str) -> Response:
    return _json(HTTPStatus.SERVICE_UNAVAILABLE, status="unavailable", reason=reason, **fields)


def _json(http_status: HTTPStatus, /, **fields: str) -> Response:
    return Response(http_status, "application/json", json.dumps(fields).encode() + b"\n")


def _error(status: HTTPStatus) -> Response:
    return _json(status, error=status.name.lower())


class HealthServer:
    """An HTTP server that runs from construction until it is closed.

    Args:
        host: a name or an address of this machine.
        port: 0 takes any free port.
        respond: gets the path and the Accept header; may be called from several threads.

    Raises:
        SettingsError: nothing can be served at that address.
    """

    def __init__(self, host: str, port: int, respond: Callable[[str, str], Response]) -> None:
        family, address = _resolve(host, port)
        try:
            self._server = _Server(family, address, respond)
        except OSError as error:
            what = f"cannot serve health and metrics at {host}:{port}: {error.strerror or error}"
            fix = (
                "Set web.health_port to a free port (0 takes any), web.health_host to an address"
                " of this machine, or web.health_port to null to serve nothing."
            )
            problem = Problem("web.health_port", what, fix, "web.health_port")
            raise SettingsError([problem]) from error
        self._address = self._server.server_address
        self._thread = Thread(
            target=self._server.serve_forever, name="health", args=(_POLL_INTERVAL,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The server's URL, with the port that it got."""
        host, port = str(self._address[0]), self._address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach it."""
        address = str(self._address[0]).partition("%")[0]
        return not ipaddress.ip_address(address).is_loopback

    def close(self) -> None:
        """Stop listening, and close every connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections(min_age=0.0)
        self._thread.join()


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        family: int,
        address: Any,  # noqa: ANN401 - its form depends on the family
        respond: Callable[[str, str], Response],
    ) -> None:
        self.address_family = family
        self.respond = respond
        self._connections: OrderedDict[socket.socket, float] = OrderedDict()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        # Each connection gets a thread; if there are too many, the oldest is closed.
        with self._lock:
            self._connections[request] = time.monotonic()
            if len(self._connections) > MAX_CONNECTIONS:
                oldest, _ = self._connections.popitem(last=False)
                _shut_down(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as inherited
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        # Even an active connection has an end.
        self.close_connections(MAX_CONNECTION_SECONDS)

    def close_connections(self, min_age: float) -> None:
        with self._lock:
            now = time.monotonic()
            for request, since in self._connections.items():
                if now - since >= min_age:
                    _shut_down(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        pass  # the client went away, or got an error as its response


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _MAX_IO_SECONDS

    def do_GET(self) -> None:
        self._send(self._response(), with_body=True)

    def do_HEAD(self) -> None:
        self._send(self._response(), with_body=False)

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 - as inherited
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        # For malformed requests and all other methods.
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self.close_connection = True
        self._send(_error(status), with_body=self.command != "HEAD")

    def version_string(self) -> str:
        return "mediagen"  # the Server header, without any version

    def log_message(self, *_: object) -> None:
        pass  # every scrape would be a line

    def _response(self) -> Response:
        accept = ",".join(self.headers.get_all("Accept", []))
        return self.server.respond(self.path.partition("?")[0], accept)

    def _send(self, response: Response, *, with_body: bool) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if response.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if with_body:
            self.wfile.write(response.body)


def _shut_down(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _resolve(host: str, port: int) -> tuple[int, Any]:
    try:
        addresses = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        what = f"web.health_host is {host!r}, which is not a known address ({error})"
        fix = 'Use "127.0.0.1", or another address of this machine.'
        problem = Problem("web.health_host", what, fix, "web.health_host")
        raise SettingsError([problem]) from error
    family, *_, address = addresses[0]
    return family, address
