"""Media served by our code, by Werkzeug's ``send_file``, and by the bare server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.reports import Trial

_MEGABYTE = 1_000_000
_MIN_RATIO_TO_BARE = 0.8
_MIN_RATIO_TO_SEND_FILE = 0.9
_SERVERS = ("bare", "send_file", "ours")
_PNG, _MP3 = b"\x89PNG\r\n\x1a\n", b"ID3\x04"
SMALL = ("image/1_20260106T213045/small.png", _PNG, 12_000)
PICTURE = ("image/1_20260106T213045/large.png", _PNG, 2 * _MEGABYTE)
_SONG = ("audio/2_20260106T213045/song.mp3", _MP3, 5 * _MEGABYTE)
_LONG_SONG = ("audio/2_20260106T213045/long.mp3", _MP3, 30 * _MEGABYTE)
_FILES = (SMALL, PICTURE, _SONG, _LONG_SONG)


class _Case(NamedTuple):
    """A request, its repetitions, and whether the bare server can answer it."""

    title: str
    file: tuple[str, bytes, int]
    first: int | None  # first byte of a range to the file's end; None for the whole file
    is_known: bool  # the client has the file already
    requests: int


_CASES = (
    _Case("a picture of 12 kB", SMALL, None, is_known=False, requests=20),
    _Case("a picture of 2 MB", PICTURE, None, is_known=False, requests=10),
    _Case("a song of 5 MB, from 1 MB on", _SONG, _MEGABYTE, is_known=False, requests=10),
    _Case("a song of 5 MB, the last 64 kB", _SONG, 4_934_464, is_known=False, requests=10),
    _Case("a song of 30 MB", _LONG_SONG, None, is_known=False, requests=2),
    _Case("a song of 30 MB, from 1 MB on", _LONG_SONG, _MEGABYTE, is_known=False, requests=2),
    _Case("a picture that the client has (304)", SMALL, None, is_known=True, requests=10),
)


def measure(trial: Trial) -> Report:
    """Milliseconds for each response: ours, Werkzeug's ``send_file``, the bare server's."""
    rows = trial.choose(100_000, 10_000)
    trial.note(f"a database of {rows:,} artifacts")
    folder = prepare(trial.folder, rows)
    rounds = trial.choose(60, 10)
    report = Report()
    figures = []
    with ExitStack() as stack:
        ports = {name: stack.enter_context(serving(name, folder)) for name in _SERVERS}
        clients = {
            name: stack.enter_context(closing(_Client(port))) for name, port in ports.items()
        }
        for case in _CASES:
            trial.note(f"{case.title}, {rounds} rounds of {case.requests}")
            turns = {
                name: partial(client.milliseconds, case, _digest(folder, case.file))
                for name, client in clients.items()
                if name != "bare" or not case.is_known
            }
            figures.append((case.title, interleaved(rounds, turns, warm_up=2)))
    _tell(report, figures)
    return report


def _tell(report: Report, figures: list[tuple[str, dict[str, Sample]]]) -> None:
    report.table(
        (
            "ms, served by waitress over loopback",
            *_SERVERS,
            "speed: ours / send_file",
            "ours / bare",
        ),
        [
            (
                title,
                *(samples[name].shown(2) if name in samples else "" for name in _SERVERS),
                samples["send_file"].over(samples["ours"]).shown(2),
                samples["bare"].over(samples["ours"]).shown(2) if "bare" in samples else "",
            )
            for title, samples in figures
        ],
    )
    by_title = dict(figures)
    for case in _CASES[1:3]:
        samples = by_title[case.title]
        ratio = samples["bare"].over(samples["ours"])
        report.verdict(
            f"{case.title} at no less than {_MIN_RATIO_TO_BARE} of the bare server's speed",
            ratio.shown(2),
            met=ratio.median >= _MIN_RATIO_TO_BARE,
        )
    title, slowest = min(
        ((title, samples["send_file"].over(samples["ours"])) for title, samples in figures),
        key=lambda pair: pair[1].median,
    )
    report.verdict(
        f"nothing at less than {_MIN_RATIO_TO_SEND_FILE} of the speed of send_file",
        f"{slowest.shown(2)} for {title}",
        met=slowest.median >= _MIN_RATIO_TO_SEND_FILE,
    )


def _digest(folder: Path, file: tuple[str, bytes, int]) -> str:
    return hashlib.sha256((folder / "output" / file[0]).read_bytes()).hexdigest()


def prepare(folder: Path, rows: int) -> Path:
    """Create a database, an output tree and the settings; returns their folder."""
    database = fill_database(folder / "shared.db", Contents(rows, 0))
    directory = install(folder / "comfyui", database).directory
    settings = json.loads((directory / "config.json").read_text())
    settings["paths"] = {"state": str(folder / "state")}
    settings["web"] = {"port": 0}
    (directory / "config.json").write_text(json.dumps(settings))
    with closing(sqlite3.connect(database)) as driver:
        for path, beginning, size in _FILES:
            content = beginning + os.urandom(size - len(beginning))
            file = directory / "output" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            known = {"sha256": hashlib.sha256(content).hexdigest(), "file_size": size}
            driver.execute(
                "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
                " VALUES (1, ?, ?, ?)",
                (path.partition("/")[0], path, json.dumps(known)),
            )
        driver.commit()
    return directory


@contextmanager
def serving(which: str, folder: Path) -> Iterator[int]:
    """The port of a server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.media_servers", which, str(folder)]
    with subprocess.Popen(
        command,
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


class _Client:
    """A persistent connection, as long as the server keeps it: waitress closes it after a 304."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(1024 * 1024))

    def milliseconds(self, case: _Case, digest: str) -> float:
        """The time of one response, of several in a row."""
        path, _, size = case.file
        first = case.first or 0
        headers = "" if case.first is None else f"Range: bytes={case.first}-\r\n"
        headers += f'If-None-Match: "{digest}"\r\n' if case.is_known else ""
        request = f"GET /api/media/{path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
        status = b"304" if case.is_known else b"200" if case.first is None else b"206"
        began = time.perf_counter()
        for _ in range(case.requests):
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.sendall(request)
            self._read_response(self._socket, status, 0 if case.is_known else size - first)
            if case.is_known:
                self.close()
        return (time.perf_counter() - began) / case.requests * 1000

    def _read_response(self, connection: socket.socket, status: bytes, length: int) -> None:
        """Read one response completely."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            assert data, "the server closed the connection"
            head += data
        assert head.startswith(b"HTTP/1.1 " + status), head
        left = length - len(head.partition(b"\r\n\r\n")[2])
        while left > 0:
            received = connection.recv_into(self._buffer, min(left, len(self._buffer)))
            assert received, "the server closed the connection"
            left -= received
        assert left == 0

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
