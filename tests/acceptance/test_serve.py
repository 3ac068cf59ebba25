"""``mediagen serve`` as a process: asked over HTTP, ended by signals."""

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
    """A server that answers.

    Attributes:
        process: of it.
        url: as it was printed.
        port: likewise.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        line = process.stdout.readline()
        assert line, process.communicate()
        self.process = process
        self.url = json.loads(line)["url"]
        self.port = urlsplit(self.url).port or 0

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of an answer."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content else {}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as asker:
            asker.request(method, path, content, sent | dict(headers or {}))
            answer = asker.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, path: str) -> Any:  # noqa: ANN401 - a document
        """The document at an address."""
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Ask it to end; gives what it complained of."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, complaints
        return complaints


@contextmanager
def served(place: Installation, *arguments: str) -> Iterator[Served]:
    """A server at a free port."""
    with place.started("serve", "--json", "--port", "0", *arguments) as process:
        yield Served(process)


def publish(place: Installation, prompt_id: int) -> str:
    """A published picture; gives its path."""
    path = f"image/{prompt_id}_20260106T213045/a.png"
    (place.root / path).parent.mkdir(parents=True)
    (place.root / path).write_bytes(png())
    place.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, preview_path, metadata,"
        " created_at) VALUES (?, 'image', ?, ?, '{\"width\": 24}', '2026-01-06 21:30:45')",
        (prompt_id, path, path),
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_contract_is_served_until_a_signal_ends_it(place: Installation, number: int) -> None:
    """Rows and bytes as they are; the end is a clean one."""
    place.poet.write(image("a lake"), prompt_id=200)
    path = publish(place, 200)
    with served(place) as server:
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
        status, headers, body = server.ask(f"/api/media/{path}")
        assert (status, headers["Content-Type"], body) == (200, "image/png", png())
        assert server.ask("/api/prompts/7/artifacts")[0] == 404
        assert server.ask("/api/media/image/nothing.png")[0] == 404
        assert "Server" not in headers
        assert server.end(number) == ""
    assert place.meddling() == []


def test_looking_makes_no_tables_of_ours(place: Installation) -> None:
    """Only a change does."""
    with served(place) as server:
        for path in ("/api/v1/status", "/api/v1/queue", "/api/v1/gallery", "/api/v1/history", "/"):
            assert server.ask(path)[0] == 200, path
        tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'media_generator%'"
        assert place.poet.execute(tables) == [(0,)]
        csrf = {"X-Mediagen-Token": server.json("/api/v1/token")["csrf"]}
        assert server.ask("/api/v1/pause", "POST", {}, csrf)[0] == 200
        assert place.poet.execute(tables) != [(0,)]


def test_what_is_submitted_on_the_page_is_rendered_by_a_run(place: Installation) -> None:
    """And shown there, while the server goes on."""
    with served(place) as server:
        csrf = {"X-Mediagen-Token": server.json("/api/v1/token")["csrf"]}
        wanted = {"kind": "image", "prompt": "a lake"}
        status, _, body = server.ask("/api/v1/prompts", "POST", wanted, csrf)
        assert status == 201
        assert place.run().returncode == 0
        [item] = server.json("/api/v1/gallery")["items"]
        assert (item["prompt_id"], item["prompt"]) == (json.loads(body)["id"], "a lake")
        assert server.ask(item["media_url"])[0] == 200


def test_an_address_that_leads_elsewhere_is_not_found(place: Installation) -> None:
    """As it comes over the wire (fault 37)."""
    with served(place) as server:
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
            status, _, body = server.ask(path)
            assert status == 404, path
            assert b"root:" not in body


def test_who_comes_for_another_host_or_from_another_site_is_refused(place: Installation) -> None:
    """As it comes over the wire (fault 41)."""
    with served(place) as server:
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


def test_a_thousand_slow_ones_keep_nobody_waiting(place: Installation) -> None:
    """Others are answered while all of them are connected (fault 40)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SLOW_ONES + 200
    if hard not in (-1, resource.RLIM_INFINITY) and hard < needed:
        pytest.skip(f"this system lets a process open {hard} files only")
    with served(place) as server, ExitStack() as opened:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(SLOW_ONES):
            slow = socket.create_connection(("127.0.0.1", server.port), 20)
            opened.callback(slow.close)
            slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: " + b"a" * (number % 50))
        for _ in range(5):
            assert server.ask("/api/v1/status")[0] == 200
        server.end()


def test_those_who_ask_and_never_read_keep_nobody_waiting(place: Installation) -> None:
    """For pages, files and documents, again and again; others get what they ask for (fault 52)."""
    place.poet.write(image("a lake"), prompt_id=200)
    path = publish(place, 200)
    large = publish(place, 201)
    (place.root / large).write_bytes(png() + bytes(8_000_000))
    targets = ("/", "/api/v1/gallery", f"/api/media/{large}", "/static/site.css")
    with served(place) as server, ExitStack() as opened:
        unread = []
        for number in range(50):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            wanted = (*targets[number % 4 :], *targets) * 10
            lines = (f"GET {each} HTTP/1.1\r\nHost: localhost\r\n\r\n" for each in wanted)
            client.sendall("".join(lines).encode())
            unread.append(client)
        for client in unread:  # every one is being answered
            assert client.recv(1) == b"H"
        for asked in ("/", "/api/v1/status", f"/api/media/{path}", "/static/site.css"):
            assert server.ask(asked)[0] == 200
        assert server.ask(f"/api/media/{large}")[2] == (place.root / large).read_bytes()
        server.end()


def test_a_lock_that_lasts_is_waited_for_once(place: Installation) -> None:
    """Later requests are answered at once, as are all that waited meanwhile (fault 52).

    If each waited its turn on the only thread, the last would come after their patience ends.
    """
    with (
        served(place, "--set", "web.threads=1", "--set", "database.timeout=2") as server,
        closing(sqlite3.connect(place.database, isolation_level=None)) as other,
        ThreadPoolExecutor(41) as pool,
    ):
        other.execute("BEGIN EXCLUSIVE")
        pages = ("/", "/queue", "/api/v1/status", "/api/v1/queue", "/api/media/image/a.png")
        asked = [pool.submit(server.ask, path) for path in pages * 8]
        assert pool.submit(server.ask, "/static/site.css").result()[0] == 200
        assert {each.result()[0] for each in asked} == {503}
        other.execute("ROLLBACK")
        other.close()
        assert server.ask("/api/v1/status")[0] == 200


def test_a_locked_database_is_told_with_when_to_come_again(place: Installation) -> None:
    """Nobody is kept waiting for long, and afterwards all is well (fault 42)."""
    with (
        served(place, "--set", "database.timeout=0.1") as server,
        closing(sqlite3.connect(place.database, isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        status, headers, body = server.ask("/api/prompts/1/artifacts")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(body)["error"]["code"] == "database_busy"
        other.execute("ROLLBACK")
        assert server.ask("/api/prompts/1/artifacts")[0] == 404


def test_a_taken_port_is_explained(place: Installation) -> None:
    """With another one to take, and the exit code of a wrong command line."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        ended = place.shell.run("serve", "--port", str(port))
    assert ended.returncode == 2
    assert f"command line: port {port} of 127.0.0.1 is taken by another program" in ended.stderr
    assert f"--port {port + 1}" in ended.stderr


def test_no_other_machine_is_let_in_without_a_token(place: Installation) -> None:
    """What to do about it is said; with a token it serves, and asks everybody for it."""
    ended = place.shell.run("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused
    assert ended.returncode == 2
    assert "web.token" in ended.stderr
    public = ("--set", 'web.public_urls=["https://gallery.example/media"]')
    proxied = ("--set", "web.base_path=/media", *public)
    ended = place.shell.run("serve", "--port", "0", *proxied)
    assert ended.returncode == 2
    assert "https://gallery.example/media, which other machines can reach" in ended.stderr
    place.shell.environment["MEDIA_GENERATOR_WEB__TOKEN"] = "c4n4ry-c4n4ry"  # noqa: S105
    with served(place, "--host", "0.0.0.0", *proxied) as server:  # noqa: S104 - with a token
        # A proxy may pass the base path on or leave it out; the address that it shows is known.
        for path in ("/media/api/v1/status", "/api/v1/status"):
            assert server.ask(path, headers={"Host": "gallery.example"})[0] == 401
        assert server.ask("/media")[1]["Location"] == "/media/login?next=%2Fmedia%2F"
        assert server.ask("/")[0] == 303
        bearer = {"Authorization": "Bearer c4n4ry-c4n4ry"}
        assert server.ask("/api/v1/status", headers=bearer)[0] == 200
        assert "c4n4ry" not in server.end()
    assert "c4n4ry" not in place.shell.run("config").stdout


@pytest.mark.parametrize("token", ["short", "has a space in it", "ünïcödé-ünïcödé"])
def test_a_token_that_guards_nothing_is_refused_and_not_shown(
    place: Installation, token: str
) -> None:
    """Before anything is served."""
    place.configure({"web": {"token": token}})
    ended = place.shell.run("serve", "--port", "0")
    assert ended.returncode == 2
    assert "web.token" in ended.stderr
    assert token not in ended.stderr


def test_a_database_that_is_not_there_is_named(shell: CommandLine) -> None:
    """At once, with the exit code for it; none is made."""
    shell.database = shell.home / "nothing.db"
    ended = shell.run("serve", "--port", "0")
    assert ended.returncode == 3
    assert "nothing.db" in ended.stderr
    assert not shell.database.exists()


def test_without_an_output_folder_all_else_is_served(place: Installation) -> None:
    """Its files are not found; the checks of the system say why."""
    place.poet.write(image("a lake"), prompt_id=1)
    path = publish(place, 1)
    database = {"database": {"path": str(place.database)}}
    (place.shell.home / "media_generator_config.json").write_text(json.dumps(database))
    with served(place) as server:
        assert len(server.json("/api/v1/gallery")["items"]) == 1
        assert server.json("/api/v1/system")["paths"]["output_root"] is None
        assert server.ask(f"/api/media/{path}")[0] in {404, 503}
