"""Servers that need a login, and servers with TLS."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import trustme
from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress, basic_login
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.comfyui_server.job_socket import Inbox, JobSocket
from tests.integration.comfyui_server.tls import behind_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.comfyui_double.double import Double
    from tests.integration.comfyui_server.conftest import Stage

LOGIN = {"Authorization": basic_login("me", "paß:wört"), "X-Api-Key": "k3y"}


def reason(address: ServerAddress) -> str:
    """The reason for a server's failed request."""
    client = ServerClient(address)
    try:
        with pytest.raises(ServerError) as caught:
            client.system_stats()
    finally:
        client.close()
    assert not caught.value.temporary
    return caught.value.reason


def rendered_when_connected(stage: Stage, double: Double, address: ServerAddress) -> bool:
    """Whether a job that ends only after the socket was connected is rendered."""
    double.behaviour.fail("EmptyImage", "hold")  # or the job might end before
    running = stage.begin(stage.renderer(servers=[address]))
    double.wait(lambda: bool(double.connected))
    double.release()
    return is_successful(running.result(60)) and len(double.connected) == 1


def test_every_request_and_the_socket_send_the_login(stage: Stage) -> None:
    """A job is submitted, followed and fetched; the server answers nothing without the login."""
    double = stage.double(login=LOGIN)
    assert rendered_when_connected(stage, double, ServerAddress(double.url, headers=LOGIN))
    assert all(map(double.behaviour.admits, (request.headers for request in double.requests)))


def test_a_missing_login_is_named(stage: Stage) -> None:
    """With the setting for it."""
    double = stage.double(login=LOGIN)
    words = reason(ServerAddress(double.url, headers={"X-Api-Key": "wrong"}))
    assert "asks for a login (401 Unauthorized)" in words
    assert "comfyui.hosts" in words
    assert "wrong" not in words


def test_a_private_certificate_authority(stage: Stage, tmp_path: Path) -> None:
    """If configured, it is trusted by requests and by the socket."""
    double = stage.double()
    with behind_tls(double.url, tmp_path) as (url, ca_file):
        assert rendered_when_connected(stage, double, ServerAddress(url, ca_file=ca_file))
        assert '"ca_file" in comfyui.hosts' in reason(ServerAddress(url))
        assert "begin its address with https://" in reason(
            ServerAddress(url.replace("https:", "http:"))
        )
    assert "begin its address with http://" in reason(
        ServerAddress(double.url.replace("http:", "https:"))
    )


def test_a_port_that_hangs_up_without_tls(stage: Stage, tmp_path: Path) -> None:
    """The reason names what to change; so do most servers, but not all of them."""
    with behind_tls(stage.double().url, tmp_path, explains=False) as (url, _):
        assert "begin its address with https://" in reason(
            ServerAddress(url.replace("https:", "http:"))
        )


def test_a_certificate_of_another_authority(stage: Stage, tmp_path: Path) -> None:
    """It is refused."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with behind_tls(stage.double().url, tmp_path) as (url, _):
        assert "certificate is not trusted" in reason(ServerAddress(url, ca_file=str(other)))


@contextmanager
def redirecting(target: Callable[[str], str]) -> Iterator[str]:
    """A server that redirects every request to ``target(path)``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", target(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the parent's)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_login_follows_no_redirect(stage: Stage) -> None:
    """Neither a request nor the socket follows a redirect."""
    double = stage.double()
    with redirecting(lambda path: double.url + path) as url:
        address = ServerAddress(url, headers=LOGIN)
        assert f"sends clients on to {double.url}/system_stats" in reason(address)
        socket = JobSocket(address)
        socket.subscribe(Inbox("job"))
        assert not socket.is_open
        socket.close()
    assert double.requests == []


def test_a_redirect_to_the_same_host_with_tls() -> None:
    """The error suggests the https address."""
    with redirecting(lambda path: f"https://127.0.0.1{path}") as url:
        assert "begin its address with https://" in reason(ServerAddress(url))


def test_tls_needs_no_ca_file_if_the_system_trusts_the_server() -> None:
    """Names and certificates are checked."""
    context = ServerAddress("https://gpu").tls()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert ServerAddress("http://gpu").tls() is None
