"""The server over real sockets: slow clients give way to others (fault 40)."""

from __future__ import annotations

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.web import server as server_module
from entrypoints.web.server import WebServer
from entrypoints.web.sockets import is_exposed, listening_sockets
from tests.config_folder import make_config_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.web.server import BodyLimit

    App = Callable[[dict[str, Any], Any], Iterable[bytes]]

SLOW = b"GET /slow HTTP/1.1\r\nHost: local"
LARGE = 30_000_000  # bytes: more than all buffers on the way, including the system's
PATIENCE = 60.0  # seconds, on a busy machine


def hello(_: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - WSGI's own
    """Answer at once."""
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@contextmanager
def served(
    app: App, threads: int = 2, most: int = 8, limit: BodyLimit = lambda *_: 1000
) -> Iterator[int]:
    """A running server on a free port; yields the port."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = WebServer(app, [bound], threads, limit, most)  # type: ignore[arg-type]
    try:
        yield bound.getsockname()[1]
    finally:
        server.close()


def ask(
    port: int, method: str = "GET", body: bytes | None = None, path: str = "/"
) -> tuple[int, bytes]:
    """The status and body of a response."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def is_open(connection: socket.socket) -> bool:
    """Whether one more letter can be sent without a response."""
    try:
        connection.sendall(b"G")
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def listens(port: int) -> bool:
    """Whether a connection is accepted there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_unfinished_requests_do_not_block_others() -> None:
    """Many times the maximum of connections; the newest are always answered."""
    with served(hello, most=8) as port, ExitStack() as opened:
        for _ in range(120):
            slow = opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            slow.sendall(SLOW)
            assert ask(port) == (200, b"hello")


def test_requests_that_wait_for_something_do_not_delay_others() -> None:
    """Few threads are at work at a time, unless they do not get on."""
    free = Event()

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - WSGI's own
        if environ["PATH_INFO"] == "/wait":
            free.wait(PATIENCE)
        return hello(environ, start)

    with served(app, threads=5) as port, ExitStack() as opened:
        opened.callback(free.set)
        for _ in range(4):
            waiting = opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            waiting.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(3):
            assert ask(port) == (200, b"hello")


def test_a_short_response_comes_in_one_piece() -> None:
    """Its header alone would wake the client for nothing."""
    with (
        served(hello) as port,
        closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(10_000).endswith(b"\r\n\r\nhello")


def test_the_head_of_a_request_says_how_large_it_may_be() -> None:
    """By its path; the server does not wait for the body of a request that is too large."""
    limits = {"/files": 3000}
    with served(hello, limit=lambda path, _: limits.get(path, 1000)) as port:
        sizes = [("/", 900), ("/", 2000), ("/files", 2000), ("/files", 4000)]
        answers = [ask(port, "POST", b"x" * size, path)[0] for path, size in sizes]
    assert answers == [200, 413, 200, 413]


def test_an_active_connection_outlives_idle_ones() -> None:
    """A recently used connection is not the first to be closed."""
    with (
        served(hello, most=8) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as kept,
        ExitStack() as opened,
    ):
        kept.connect()
        own = kept.sock
        for _ in range(30):
            slow = opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            slow.sendall(SLOW)
            kept.request("GET", "/")
            assert kept.getresponse().read() == b"hello"
            assert kept.sock is own


def test_a_very_slow_request_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy its connection looks."""
    monkeypatch.setattr(server_module, "MAX_REQUEST_SECONDS", 0.05)
    monkeypatch.setattr(server_module, "_POLL_INTERVAL", 0)
    with (
        served(hello) as port,
        closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as slow,
    ):
        ended = time.monotonic() + PATIENCE
        slow.settimeout(0.02)
        while is_open(slow):
            assert time.monotonic() < ended


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Answers with a large file, except at its root."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * LARGE)

    def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        if environ["PATH_INFO"] == "/":
            return hello(environ, start)
        start("200 OK", [("Content-Length", str(LARGE))])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](large.open("rb"))
        return wrapped

    return answered


def test_a_download_is_finished_during_a_shutdown(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the client reads it."""
    monkeypatch.setattr(server_module, "MAX_SHUTDOWN_SECONDS", PATIENCE)
    bound = socket.create_server(("127.0.0.1", 0))
    server = WebServer(app, [bound], 1, lambda *_: 1000, 8)  # type: ignore[arg-type]
    with closing(http.client.HTTPConnection("127.0.0.1", bound.getsockname()[1])) as asker:
        asker.request("GET", "/large")
        answer = asker.getresponse()
        closer = Thread(target=server.close)
        closer.start()
        assert len(answer.read()) == LARGE
        closer.join()


def test_a_client_that_does_not_read_holds_no_thread(app: App) -> None:
    """A large file waits for its reader, but the only thread does not."""
    with (
        served(app, threads=1) as port,
        closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as slow,
    ):
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
        assert ask(port) == (200, b"hello")
        left = LARGE
        while left > LARGE - 1_000_000:
            left -= len(slow.recv(65536))


@contextmanager
def unread(port: int, *paths: str) -> Iterator[socket.socket]:
    """A client with many requests at once that hardly reads the responses."""
    with socket.socket() as client:
        client.settimeout(PATIENCE)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            client.setsockopt(socket.SOL_SOCKET, buffer, 4096)
        client.connect(("127.0.0.1", port))
        for path in paths:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(1) == b"H"
        yield client


def test_pipelining_clients_that_never_read_hold_no_thread(app: App) -> None:
    """Many on a single thread; one that starts to read gets every response in order (fault 52)."""
    with served(app, threads=1, most=32) as port, ExitStack() as opened:
        asked = ("/large", *(["/large", "/"] * 10))
        clients = [opened.enter_context(unread(port, *asked)) for _ in range(20)]
        for _ in range(3):
            assert ask(port) == (200, b"hello")
            for client in clients:  # not even for a byte now and then
                assert client.recv(1)
        with unread(port, "/large", "/") as client, client.makefile("rb") as answers:
            assert answers.readline() == b"TTP/1.1 200 OK\r\n"
            _rest_of_head(answers)
            assert len(answers.read(LARGE)) == LARGE
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            _rest_of_head(answers)
            assert answers.read(5) == b"hello"


def _rest_of_head(answers: BinaryIO) -> None:
    while answers.readline() != b"\r\n":
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings(  # waitress 3.0.2 leaves files of its buffers to the collector
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_response_is_sent_by_one_thread_at_a_time() -> None:
    """The loop sends the rest of one while a thread asks for the body of the next request."""
    content = bytes(number % 251 for number in range(100_000)) * 100

    def app(_: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - WSGI's own
        start("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    head = b"Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST / HTTP/1.1\r\n" + head

    def read(port: int) -> tuple[bytes, bytes]:
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE) as client,
            client.makefile("rb") as answers,
        ):
            client.sendall(asked)
            _rest_of_head(answers)
            return answers.read(len(content)), answers.readline()

    # The threads come between each other often enough where several clients read at once.
    with served(app) as port, ThreadPoolExecutor(4) as clients:
        for body, next_line in clients.map(read, [port] * 120):
            assert body == content
            assert next_line == b"HTTP/1.1 100 Continue\r\n"


def test_pipelining_clients_that_never_read_give_way(app: App) -> None:
    """Connections may be few: the newest are always answered."""
    with served(app, most=8) as port, ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(unread(port, "/large", "/large"))
        assert ask(port) == (200, b"hello")


def test_a_client_that_reads_nothing_is_disconnected(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while without progress, however often it asks."""
    monkeypatch.setattr(server_module, "MAX_IDLE_SECONDS", 1)
    monkeypatch.setattr(server_module, "_POLL_INTERVAL", 0)
    with served(app) as port, unread(port, "/large", "/large") as client:
        ended = time.monotonic() + PATIENCE
        client.settimeout(0.02)
        while True:
            assert time.monotonic() < ended
            try:
                client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert ask(port) == (200, b"hello")


def test_a_large_body_is_refused_before_it_arrives() -> None:
    """By its length alone; so is one without a length."""
    with served(hello) as port:
        with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as asker:
            asker.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")
            assert asker.recv(100).startswith(b"HTTP/1.1 413")
        with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as asker:
            asker.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            asker.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
            assert asker.recv(100).startswith(b"HTTP/1.1 413")


def test_running_requests_are_finished_during_a_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No new connection is accepted, and the shutdown is quick."""
    monkeypatch.setattr(server_module, "MAX_SHUTDOWN_SECONDS", PATIENCE)
    begun, go = Event(), Event()
    answers: list[tuple[int, bytes]] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - WSGI's own
        begun.set()
        go.wait(PATIENCE)
        return hello(environ, start)

    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    server = WebServer(app, [bound], 2, lambda *_: 1000, 8)  # type: ignore[arg-type]
    asker = Thread(target=lambda: answers.append(ask(port)))
    asker.start()
    assert begun.wait(PATIENCE)
    closer = Thread(target=server.close)
    closer.start()
    while listens(port):
        assert asker.is_alive()
    go.set()
    asker.join()
    closer.join()
    assert answers == [(200, b"hello")]


def test_a_port_can_be_reused_at_once() -> None:
    """As after a restart."""
    with served(hello) as port:
        assert ask(port) == (200, b"hello")
    again = WebServer(hello, [socket.create_server(("127.0.0.1", port))], 1, lambda *_: 1000, 8)  # type: ignore[arg-type]
    assert ask(port) == (200, b"hello")
    again.close()


class TestListening:
    @pytest.fixture
    def load(self, tmp_path: Path) -> Callable[..., LoadedSettings]:
        """Settings in the section ``web``."""
        config = make_config_folder(tmp_path)

        def loaded(**web: object) -> LoadedSettings:
            return config.load({"web": web})

        return loaded

    def test_a_name_is_served_at_all_its_addresses(
        self, load: Callable[..., LoadedSettings]
    ) -> None:
        """On one port that is free for all of them."""
        bound = listening_sockets(load(host="localhost", port=0))
        assert len({each.getsockname()[1] for each in bound}) == 1
        assert not is_exposed(bound)
        for each in bound:
            each.close()

    def test_all_addresses_are_exposed(self, load: Callable[..., LoadedSettings]) -> None:
        """They need a token."""
        bound = listening_sockets(load(host="0.0.0.0", port=0))  # noqa: S104 - closed at once
        assert is_exposed(bound)
        for each in bound:
            each.close()

    def test_a_taken_port_is_explained(self, load: Callable[..., LoadedSettings]) -> None:
        """Whichever program has it; the message suggests another port."""
        with closing(socket.create_server(("127.0.0.1", 0))) as other:
            port = other.getsockname()[1]
            with pytest.raises(SettingsError, match=f"port {port} of 127.0.0.1 is taken") as caught:
                listening_sockets(load(port=port))
        assert f"--port {port + 1}" in str(caught.value)
        assert "AirPlay" not in str(caught.value)

    def test_port_5000_is_explained_with_airplay(
        self, load: Callable[..., LoadedSettings], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """AirPlay uses it on a Mac, or a backend may."""
        from entrypoints.web import sockets  # noqa: PLC0415 - to be changed

        monkeypatch.setattr(sockets, "_is_taken", lambda *_: True)
        with pytest.raises(SettingsError, match=r"AirPlay.*backend.*--port 5001"):
            listening_sockets(load())

    def test_a_server_on_the_same_port_of_another_loopback_address_counts(
        self, load: Callable[..., LoadedSettings]
    ) -> None:
        """A request to localhost would reach the other server."""
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        try:
            other = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6 loopback address")
        with closing(other), pytest.raises(SettingsError, match="is taken"):
            listening_sockets(load(port=other.getsockname()[1]))

    @pytest.mark.parametrize("host", ["203.0.113.7", "no..host", "a" * 300])
    def test_an_address_of_another_machine_is_explained(
        self, load: Callable[..., LoadedSettings], host: str
    ) -> None:
        """With the setting that names it."""
        with pytest.raises(SettingsError, match=r"json: .*web.host"):
            listening_sockets(load(host=host, port=0))
