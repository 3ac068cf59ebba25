"""A server is asked for its versions and node types, and other servers are recognised."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.doctor import server_info
from domain.failure import FailureCode
from tests.comfyui_double.double import running_double
from tests.unit.adapters.comfyui_graph.graphs import node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """A server that sends the same response to every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_only_node_types_in_use_are_requested(tmp_path: Path) -> None:
    """One small request for each, without an Origin header, which a server would refuse."""
    with running_double(tmp_path) as double:
        graph = {"1": node("SaveImage"), "2": node("KSampler"), "3": node("SaveImage")}
        knowledge = server_info(ServerAddress(double.url), graph).unwrap()
        asked = [each.path for each in double.requests]
        assert not any("origin" in map(str.lower, each.headers) for each in double.requests)
    assert set(knowledge.info) == {"SaveImage", "KSampler"}
    assert knowledge.versions["ComfyUI"] == "0.3.64"
    assert asked == ["/system_stats", "/object_info/KSampler", "/object_info/SaveImage"]


def test_all_node_types_are_requested_if_one_is_missing(tmp_path: Path) -> None:
    """The nearest name can be suggested then."""
    with running_double(tmp_path) as double:
        knowledge = server_info(
            ServerAddress(double.url + "/"), {"1": node("No/Such Node")}
        ).unwrap()
    assert "SaveImage" in knowledge.info
    assert "No/Such Node" not in knowledge.info


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>", 200, "not ComfyUI's"),
        (b"[]", 200, "not ComfyUI's"),
        (b"{}", 200, "not ComfyUI's"),
        (b"{}", 401, "401"),
    ],
)
def test_another_kind_of_server_is_recognised(body: bytes, status: int, words: str) -> None:
    """With its address, and never with the password in it."""
    with answering(body, status) as place:
        failure = server_info(ServerAddress(f"http://poet:secret@{place}"), {}).failure()
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert words in failure.message
    assert place in failure.message
    assert "secret" not in failure.message


def test_no_server_is_listening(tmp_path: Path) -> None:
    """The double has been stopped, and its port is closed."""
    with running_double(tmp_path) as double:
        url = double.url
    failure = server_info(ServerAddress(url), {}).failure()
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert url in failure.message
