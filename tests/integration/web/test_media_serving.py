"""Published files from a real server, to slow, leaving and many simultaneous clients."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from adapters.media_files import thumbnails
from entrypoints.web.server import WebServer
from tests.media_samples import mp3, picture
from tests.unit.entrypoints.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 45.0  # seconds, on a busy machine; less than the server's own timeout for clients
THREADS = 2
LARGE = 24 * 1024 * 1024  # bytes: more than all buffers on the way, the system's among them


class ServedSite:
    """A site on a server with two threads."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.server = WebServer(self.site.app, [listening], THREADS, lambda *_: 1024, 64)

    def close(self) -> None:
        self.server.close()
        self.site.close()

    def put(self, name: str, content: bytes, kind: str = "image") -> str:
        """Publish a file; returns its address."""
        known = {"sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content)}
        path = self.site.published(7, name, known, kind)
        (self.site.root / path).write_bytes(content)
        return f"/api/media/{path}"

    def file(self, address: str) -> Path:
        return self.site.root / address.removeprefix("/api/media/")

    def connect(self) -> closing[http.client.HTTPConnection]:
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE))

    def get(self, address: str, **headers: str) -> tuple[int, bytes]:
        with self.connect() as connection:
            connection.request("GET", address, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def slow(self, address: str, **headers: str) -> socket.socket:
        """A client that sent its request, and has read only the first bytes of the response."""
        client = socket.socket()
        client.settimeout(PATIENCE)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        lines = [f"GET {address} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert client.recv(12).startswith(b"HTTP/1.1 20")
        return client

    def open_files(self, address: str) -> int:
        path = str(self.file(address))
        listed = psutil.Process().open_files()
        return sum(each.path.removesuffix(" (deleted)") == path for each in listed)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ServedSite]:
    """A server that ends with the test."""
    made = ServedSite(tmp_path)
    yield made
    made.close()


def _until(holds: Callable[[], bool]) -> bool:
    """Whether a condition holds, now or soon."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _rest(client: socket.socket) -> bytes:
    """The rest of a response, by its length."""
    found = bytearray()
    wanted = None
    while wanted is None or len(found) < wanted:
        piece = client.recv(1024 * 1024)
        if not piece:
            break
        found += piece
        if wanted is None and b"\r\n\r\n" in found:
            head, _, _ = found.partition(b"\r\n\r\n")
            [length] = [s for s in head.lower().split(b"\r\n") if s.startswith(b"content-length:")]
            wanted = len(head) + 4 + int(length.split(b":")[1])
    return bytes(found.partition(b"\r\n\r\n")[2])


def test_one_connection_serves_many_requests(house: ServedSite) -> None:
    """Whole, HEAD, parts, refusals, small and known ones; no byte is left for the next response."""
    content = picture("png", (800, 600))
    address = house.put("a.png", content)
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    with house.connect() as connection:
        for method, query, headers, status, body in [
            ("GET", "", {}, 200, content),
            ("HEAD", "", {}, 200, b""),
            ("GET", "", {"Range": "bytes=1-9"}, 206, content[1:10]),
            ("GET", "", {"Range": "bytes=-9"}, 206, content[-9:]),
            ("GET", "", {"Range": "bytes=9-1"}, 416, None),
            ("GET", "", {"If-None-Match": tag}, 304, b""),
            ("HEAD", "?w=160", {}, 200, b""),
            ("GET", "?w=160", {}, 200, None),
            ("GET", "", {"Range": "bytes=0-0,900-901"}, 206, None),
            ("GET", "x", {}, 404, None),
            ("GET", "", {}, 200, content),
        ]:
            connection.request(method, address + query, headers=headers)
            answer = connection.getresponse()
            found = answer.read()
            assert answer.status == status, (method, query, headers)
            assert body is None or found == body
            # waitress has no other way to end a response without a length, although 304 needs none.
            assert (connection.sock is None) == (status == 304)


def test_slow_clients_block_no_thread(house: ServedSite) -> None:
    """Eight of them, on two threads, and others are answered."""
    content = os.urandom(LARGE)
    large, small = house.put("a.mp3", content, "audio"), house.put("b.mp3", mp3(), "audio")
    many = f"bytes=0-{LARGE // 2 - 1000},{LARGE // 2}-"
    clients = [house.slow(large, **({"Range": many} if n % 2 else {})) for n in range(8)]
    try:
        assert house.get(small) == (200, mp3())
        assert _rest(clients[0]) == content, "a slow client gets everything in the end"
        parts = _rest(clients[1])
        assert content[: LARGE // 2 - 999] in parts
        assert content[LARGE // 2 :] in parts
    finally:
        for client in clients:
            client.close()
    assert _until(lambda: house.open_files(large) == 0), "their files are closed when they leave"
    assert house.get(small) == (200, mp3())


def test_a_removed_file_is_sent_completely(house: ServedSite) -> None:
    """A client that began to download a song gets all of it."""
    content = os.urandom(LARGE)
    address = house.put("a.mp3", content, "audio")
    with house.slow(address) as client:
        house.file(address).unlink()
        assert _rest(client) == content
    assert house.get(address)[0] == 404


def test_a_truncated_file_ends_the_response(house: ServedSite) -> None:
    """The client sees that something is missing; the server closes the connection."""
    address = house.put("a.mp3", os.urandom(LARGE), "audio")
    with house.slow(address) as client:
        os.truncate(house.file(address), 100)
        assert len(_rest(client)) < LARGE
        assert client.recv(1) == b""
    assert _until(lambda: house.open_files(address) == 0)
    assert house.get(address)[0] == 200


def test_simultaneous_requests_create_a_thumbnail_once(
    house: ServedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen browsers request the same card for the first time."""
    drawn: list[int] = []
    draw = thumbnails.draw_thumbnail

    def counted(*arguments: Any) -> bytes:  # noqa: ANN401
        drawn.append(1)
        return draw(*arguments)

    monkeypatch.setattr(thumbnails, "draw_thumbnail", counted)
    address = house.put("a.png", picture("png", (1600, 1200)))
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: house.get(f"{address}?w=320"), range(16)))
    assert len(found) == len(drawn) == 1
    assert found.pop()[1].startswith(b"RIFF")
