"""``mediagen serve`` as a process: HTTP requests, and its end by signals."""

from __future__ import annotations

import http.client
import json
import resource
import signal
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.mediagen import Installation, image
from tests.media_samples import png

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from tests.command_line import CommandLine

SLOW_ONES = 1000


class Served:
    """A running web server.

    Attributes:
        process: the server's process.
        url: the address that it printed.
        port: the port of that address.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        line = process.stdout.readline()
        assert line, process.communicate()
        self.process = process
        self.url = json.loads(line)["url"]
        self.port = urlsplit(self.url).port or 0

    def request(
        self,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of a response."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content else {}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as asker:
            asker.request(method, path, content, sent | dict(headers or {}))
            answer = asker.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, path: str) -> Any:  # noqa: ANN401 - a document
        """The JSON document at a path."""
        status, _, body = self.request(path)
        assert status == 200, body
        return json.loads(body)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Stop it in order; returns its standard error."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, complaints
        return complaints


@contextmanager
def served(installation: Installation, *arguments: str) -> Iterator[Served]:
    """A server on a free port."""
    with installation.started("serve", "--json", "--port", "0", *arguments) as process:
        yield Served(process)


def publish(installation: Installation, prompt_id: int) -> str:
    """Publish a picture; returns its path."""
    path = f"image/{prompt_id}_20260106T213045/a.png"
    (installation.root / path).parent.mkdir(parents=True)
    (installation.root / path).write_bytes(png())
    installation.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, preview_path, metadata,"
        " created_at) VALUES (?, 'image', ?, ?, '{\"width\": 24}', '2026-01-06 21:30:45')",
        (prompt_id, path, path),
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_contract_is_served_until_a_signal_ends_it(
    installation: Installation, number: int
) -> None:
    """Rows and bytes are unchanged; a signal ends it in order."""
    installation.poet.write(image("a lake"), prompt_id=200)
    path = publish(installation, 200)
    with served(installation) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.json("/api/prompts/200/artifacts") == {
            "prompt_id": 200,
            "artifacts": [
                {
                    "id": 1,
                    "artifact_type": "image",
                    "file_path": path,
                    "preview_path": path,
                    "metadata": {"width": 24},
                    "created_at": "2026-01-06T21:30:45",
                }
            ],
        }
        status, headers, body = server.request(f"/api/media/{path}")
        assert (status, headers["Content-Type"], body) == (200, "image/png", png())
        assert server.request("/api/prompts/7/artifacts")[0] == 404
        assert server.request("/api/media/image/nothing.png")[0] == 404
        assert "Server" not in headers
        assert server.end(number) == ""
    assert installation.forbidden_writes() == []


def test_reading_creates_no_tables(installation: Installation) -> None:
    """Only a change does."""
    with served(installation) as server:
        for path in ("/api/v1/status", "/api/v1/queue", "/api/v1/gallery", "/api/v1/history", "/"):
            assert server.request(path)[0] == 200, path
        tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'media_generator%'"
        assert installation.poet.execute(tables) == [(0,)]
        csrf = {"X-Mediagen-Token": server.json("/api/v1/token")["csrf"]}
        assert server.request("/api/v1/pause", "POST", {}, csrf)[0] == 200
        assert installation.poet.execute(tables) != [(0,)]


def test_what_is_submitted_on_the_page_is_rendered_by_a_run(installation: Installation) -> None:
    """And shown there, while the server runs."""
    with served(installation) as server:
        csrf = {"X-Mediagen-Token": server.json("/api/v1/token")["csrf"]}
        brief = {"kind": "image", "prompt": "a lake"}
        status, _, body = server.request("/api/v1/prompts", "POST", brief, csrf)
        assert status == 201
        assert installation.run().returncode == 0
        [item] = server.json("/api/v1/gallery")["items"]
        assert (item["prompt_id"], item["prompt"]) == (json.loads(body)["id"], "a lake")
        assert server.request(item["media_url"])[0] == 200


def test_a_path_outside_the_output_folder_is_not_found(installation: Installation) -> None:
    """As sent over the wire, without a client's normalization."""
    with served(installation) as server:
        for path in (
            "/api/media/../media_generator_config.json",
            "/api/media/%2e%2e/home/media_generator_config.json",
            "/api/media/..%2fhome%2fmedia_generator_config.json",
            "/api/media/%2fetc%2fpasswd",
            "/api/media//etc/passwd",
            "//etc/passwd",
            "/api/media/a%00b",
            "/api/media/" + "a" * 5000,
            "/static/../app.py",
            "/%ff%fe",
        ):
            status, _, body = server.request(path)
            assert status == 404, path
            assert b"root:" not in body


def test_requests_for_another_host_or_from_another_site_are_refused(
    installation: Installation,
) -> None:
    """As sent over the wire."""
    with served(installation) as server:
        for lines in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
            b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
            b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
        ):
            with closing(socket.create_connection(("127.0.0.1", server.port), 20)) as asker:
                asker.sendall(lines)
                first = asker.recv(4096).split(b"\r\n")[0]
                assert first.split()[1] in {b"403", b"400"}, lines


@pytest.mark.slow
def test_a_thousand_slow_clients_delay_no_other(installation: Installation) -> None:
    """Others are answered while all of them are connected."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SLOW_ONES + 200
    if hard not in (-1, resource.RLIM_INFINITY) and hard < needed:
        pytest.skip(f"this system lets a process open {hard} files only")
    with served(installation) as server, ExitStack() as opened:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(SLOW_ONES):
            slow = socket.create_connection(("127.0.0.1", server.port), 20)
            opened.callback(slow.close)
            slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: " + b"a" * (number % 50))
        for _ in range(5):
            assert server.request("/api/v1/status")[0] == 200
        server.end()


@pytest.mark.slow
def test_clients_that_never_read_delay_no_other(installation: Installation) -> None:
    """For pages, files and documents, repeatedly; others get their answers."""
    installation.poet.write(image("a lake"), prompt_id=200)
    path = publish(installation, 200)
    large = publish(installation, 201)
    (installation.root / large).write_bytes(png() + bytes(8_000_000))
    targets = ("/", "/api/v1/gallery", f"/api/media/{large}", "/static/site.css")
    with served(installation) as server, ExitStack() as opened:
        unread = []
        for number in range(50):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            paths = (*targets[number % 4 :], *targets) * 10
            lines = (f"GET {each} HTTP/1.1\r\nHost: localhost\r\n\r\n" for each in paths)
            client.sendall("".join(lines).encode())
            unread.append(client)
        for client in unread:  # every one is being answered
            assert client.recv(1) == b"H"
        for target in ("/", "/api/v1/status", f"/api/media/{path}", "/static/site.css"):
            assert server.request(target)[0] == 200
        assert server.request(f"/api/media/{large}")[2] == (installation.root / large).read_bytes()
        server.end()


@pytest.mark.slow
def test_a_long_lock_is_waited_for_once(installation: Installation) -> None:
    """Later requests are answered at once, as are all that waited meanwhile.

    If each waited in turn on the only thread, the last one would exceed the clients' timeout.
    """
    with (
        served(installation, "--set", "web.threads=1", "--set", "database.timeout=2") as server,
        closing(sqlite3.connect(installation.database, isolation_level=None)) as other,
        ThreadPoolExecutor(41) as pool,
    ):
        other.execute("BEGIN EXCLUSIVE")
        pages = ("/", "/queue", "/api/v1/status", "/api/v1/queue", "/api/media/image/a.png")
        path = [pool.submit(server.request, path) for path in pages * 8]
        assert pool.submit(server.request, "/static/site.css").result()[0] == 200
        assert {each.result()[0] for each in path} == {503}
        other.execute("ROLLBACK")
        other.close()
        assert server.request("/api/v1/status")[0] == 200


def test_a_locked_database_is_reported_with_retry_after(installation: Installation) -> None:
    """No client waits for long, and afterwards requests succeed."""
    with (
        served(installation, "--set", "database.timeout=0.1") as server,
        closing(sqlite3.connect(installation.database, isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        status, headers, body = server.request("/api/prompts/1/artifacts")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(body)["error"]["code"] == "database_busy"
        other.execute("ROLLBACK")
        assert server.request("/api/prompts/1/artifacts")[0] == 404


def test_a_port_in_use_is_explained(installation: Installation) -> None:
    """With another port to use, and the exit code of a wrong command line."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        ended = installation.shell.run("serve", "--port", str(port))
    assert ended.returncode == 2
    assert f"command line: port {port} of 127.0.0.1 is taken by another program" in ended.stderr
    assert f"--port {port + 1}" in ended.stderr


@pytest.mark.slow
def test_other_machines_need_a_token(installation: Installation) -> None:
    """The error says what to do; with a token it serves, and every client needs it."""
    ended = installation.shell.run("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused
    assert ended.returncode == 2
    assert "web.token" in ended.stderr
    public = ("--set", 'web.public_urls=["https://gallery.example/media"]')
    proxied = ("--set", "web.base_path=/media", *public)
    ended = installation.shell.run("serve", "--port", "0", *proxied)
    assert ended.returncode == 2
    assert "https://gallery.example/media, which other machines can reach" in ended.stderr
    installation.shell.environment["MEDIA_GENERATOR_WEB__TOKEN"] = "c4n4ry-c4n4ry"  # noqa: S105
    with served(installation, "--host", "0.0.0.0", *proxied) as server:  # noqa: S104 - with a token
        # A proxy may keep or remove the base path; the external address is configured.
        for path in ("/media/api/v1/status", "/api/v1/status"):
            assert server.request(path, headers={"Host": "gallery.example"})[0] == 401
        assert server.request("/media")[1]["Location"] == "/media/login?next=%2Fmedia%2F"
        assert server.request("/")[0] == 303
        bearer = {"Authorization": "Bearer c4n4ry-c4n4ry"}
        assert server.request("/api/v1/status", headers=bearer)[0] == 200
        assert "c4n4ry" not in server.end()
    assert "c4n4ry" not in installation.shell.run("config").stdout


@pytest.mark.parametrize("token", ["short", "has a space in it", "ünïcödé-ünïcödé"])
def test_an_ineffective_token_is_refused_and_not_shown(
    installation: Installation, token: str
) -> None:
    """Before anything is served."""
    installation.configure({"web": {"token": token}})
    ended = installation.shell.run("serve", "--port", "0")
    assert ended.returncode == 2
    assert "web.token" in ended.stderr
    assert token not in ended.stderr


def test_a_missing_database_is_reported(shell: CommandLine) -> None:
    """At once, with its exit code; none is created."""
    shell.database = shell.home / "nothing.db"
    ended = shell.run("serve", "--port", "0")
    assert ended.returncode == 3
    assert "nothing.db" in ended.stderr
    assert not shell.database.exists()


def test_without_an_output_folder_the_rest_is_served(installation: Installation) -> None:
    """Its files are not found; the system checks say why."""
    installation.poet.write(image("a lake"), prompt_id=1)
    path = publish(installation, 1)
    database = {"database": {"path": str(installation.database)}}
    (installation.shell.home / "media_generator_config.json").write_text(json.dumps(database))
    with served(installation) as server:
        assert len(server.json("/api/v1/gallery")["items"]) == 1
        assert server.json("/api/v1/system")["paths"]["output_root"] is None
        assert server.request(f"/api/media/{path}")[0] in {404, 503}
