"""Health and metrics over HTTP."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics import parser

from application.ports.database import Pause, PausedBy
from entrypoints.settings.errors import SettingsError
from entrypoints.telemetry import health
from entrypoints.telemetry.health import Health, HealthServer
from entrypoints.telemetry.queue_metrics import PauseSnapshot
from entrypoints.telemetry.telemetry import Watchdog
from tests.unit.entrypoints.telemetry.scrapes import parsed, render_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator


class Desk:
    """A server whose answers the test decides."""

    def __init__(self) -> None:
        self.alive = True
        self.snapshot: PauseSnapshot | None = PauseSnapshot(None)
        self.broken = False
        self.errors: list[tuple[str, str]] = []
        _, registry = render_metrics()
        self._health = Health(registry, self._is_alive, lambda: self.snapshot, dict, self._report)
        self.respond = self._health.respond
        self.server = HealthServer("127.0.0.1", 0, self.respond)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server.url.removeprefix("http://").split(":")
        return host, int(port)

    def pause(self, by: PausedBy) -> None:
        self.snapshot = PauseSnapshot(Pause(by, "a reason with a /path", "disk_full", "", ()))

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        with closing(HTTPConnection(*self.address, timeout=60)) as connection:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response, response.read()

    def told(self, path: str) -> tuple[int, dict[str, str]]:
        response, body = self.ask(path)
        return response.status, json.loads(body)

    def _is_alive(self) -> bool:
        if self.broken:
            raise ZeroDivisionError
        return self.alive

    def _report(self, path: str, error: Exception) -> None:
        self.errors.append((path, type(error).__name__))


def is_hung_up(client: socket.socket) -> bool:
    """Whether the server closes the connection, in order or abruptly."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A server that is closed after the test."""
    made = Desk()
    yield made
    made.server.close()


def test_health_follows_the_main_loop(desk: Desk) -> None:
    """200 while the main loop resets the watchdog, 503 with the reason otherwise."""
    assert desk.told("/healthz") == (200, {"status": "ok"})
    desk.alive = False
    wrong = {"status": "unavailable", "reason": "main_loop_stands_still"}
    assert desk.told("/healthz") == (503, wrong)
    assert desk.told("/readyz") == (503, wrong)


def test_readiness_follows_the_queue(desk: Desk) -> None:
    """A stop by the environment makes it unready; a user's pause does not."""
    assert desk.told("/readyz") == (200, {"status": "ok"})
    desk.pause(PausedBy.PERSON)
    assert desk.told("/readyz") == (200, {"status": "ok", "paused_by": "person"})
    desk.pause(PausedBy.ENVIRONMENT)
    assert desk.told("/readyz") == (
        503,
        {"status": "unavailable", "reason": "paused_by_environment", "code": "disk_full"},
    )
    desk.snapshot = None
    assert desk.told("/readyz") == (
        503,
        {"status": "unavailable", "reason": "database_unavailable"},
    )
    assert desk.told("/healthz")[0] == 200


def test_metrics_come_as_text_or_as_openmetrics(desk: Desk) -> None:
    """Prometheus names its preferred format; an unknown version is no error."""
    response, body = desk.ask("/metrics?x=1")
    assert response.getheader("Content-Type", "").startswith("text/plain; version=0.0.4")
    assert parsed(body.decode()).of("mediagen_up") == 1
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    response, body = desk.ask("/metrics", headers={"Accept": accept})
    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text")
    assert "mediagen_prompts" in {
        each.name
        for each in parser.text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
    }
    odd = {"Accept": "application/openmetrics-text;version=new"}
    assert desk.ask("/metrics", headers=odd)[0].status == 200


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/../metrics", "*"])
def test_other_paths_are_not_found(desk: Desk, path: str) -> None:
    """No other routes exist."""
    assert desk.ask(path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_not_allowed(desk: Desk, method: str) -> None:
    """Nothing can be changed here."""
    response, _ = desk.ask("/metrics", method)
    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/none"])
def test_head_is_get_without_the_body(desk: Desk, path: str) -> None:
    """Same status, same length."""
    full, body = desk.ask(path)
    head, nothing = desk.ask(path, "HEAD")
    assert (head.status, nothing) == (full.status, b"")
    if path != "/metrics":
        assert head.getheader("Content-Length") == str(len(body))


def test_a_bug_is_reported_and_answered(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed, and the server continues."""
    desk.broken = True
    assert desk.told("/healthz") == (500, {"error": "internal_server_error"})
    desk.broken = False
    assert desk.told("/healthz")[0] == 200
    assert desk.errors == [("/healthz", "ZeroDivisionError")]
    assert capfd.readouterr() == ("", "")


def test_invalid_http_is_refused(desk: Desk) -> None:
    """The server survives, and does not reveal its software."""
    with socket.create_connection(desk.address, timeout=60) as raw:
        raw.sendall(b"hello there, who are you\r\n\r\n")
        answer = raw.makefile("rb").read()
    assert answer == b'{"error": "bad_request"}\n'
    assert desk.told("/healthz")[0] == 200


def test_slow_clients_do_not_block_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clients are silent, the next one is served; the oldest connection is closed."""
    monkeypatch.setattr(health, "MAX_CONNECTIONS", 8)
    monkeypatch.setattr(health._Handler, "timeout", 600.0)  # noqa: SLF001 - not its doing
    silent = []
    for _ in range(20):
        silent.append(socket.create_connection(desk.address, timeout=60))
        silent[-1].sendall(b"GET /heal")
    assert desk.told("/healthz")[0] == 200
    assert is_hung_up(silent[0])
    silent[-1].sendall(b"thz HTTP/1.0\r\n\r\n")
    assert b"200" in silent[-1].makefile("rb").readline()
    for each in silent:
        each.close()


def test_a_client_that_sends_slowly_is_disconnected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection has a time limit, however busy it looks."""
    monkeypatch.setattr(health, "MAX_CONNECTION_SECONDS", 0.0)
    monkeypatch.setattr(health._Handler, "timeout", 600.0)  # noqa: SLF001 - not its doing
    with socket.create_connection(desk.address, timeout=60) as raw:
        raw.sendall(b"GET /healthz HTTP/1.0\r\nX-Slow: ")
        assert is_hung_up(raw)


def test_a_closed_server_answers_no_request() -> None:
    """Its port is free at once, and open connections are closed."""
    desk = Desk()
    with socket.create_connection(desk.address, timeout=60) as waiting:
        assert desk.told("/healthz")[0] == 200  # so the first one is accepted too
        desk.server.close()
        assert waiting.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        desk.ask("/healthz")
    host, port = desk.address
    HealthServer(host, port, desk.respond).close()


def test_a_port_that_is_taken_is_explained(desk: Desk) -> None:
    """The message names the port and a solution."""
    host, port = desk.address
    with pytest.raises(SettingsError) as caught:
        HealthServer(host, port, desk.respond)
    assert f"{host}:{port}" in str(caught.value)
    assert "Address already in use" in str(caught.value)
    assert "Set web.health_port to a free port" in str(caught.value)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "a" * 300])
def test_an_invalid_host_is_explained(desk: Desk, host: str) -> None:
    """Whether it cannot be resolved or is no valid name."""
    with pytest.raises(SettingsError, match=r"web\.health_host is '"):
        HealthServer(host, 0, desk.respond)


@pytest.mark.parametrize(
    ("host", "exposed"),
    [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)],  # noqa: S104 - the subject
)
def test_exposed_addresses_are_recognised(desk: Desk, host: str, exposed: bool) -> None:  # noqa: FBT001 - of the table
    """Any address but a loopback address causes a warning."""
    with closing(HealthServer(host, 0, desk.respond)) as server:
        assert server.is_exposed is exposed


def test_the_watchdog_notices_a_main_loop_that_hangs() -> None:
    """Alive at the limit, hung after it; the next reset revives it."""
    now = [0.0]
    watchdog = Watchdog(lambda: now[0], 60.0)
    now[0] = 60.0
    assert watchdog.is_alive()
    now[0] = 61.0
    assert not watchdog.is_alive()
    watchdog.reset()
    assert watchdog.is_alive()
