"""How fast pictures and songs are given, beside the bare server that ours stands on."""

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
from typing import TYPE_CHECKING

from benchmarks.filling import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.reports import Trial

_MEGABYTE = 1_000_000
_TARGET = 0.8
_ROUND = 10  # requests
_PICTURE = ("image/1_20260106T213045/large.png", b"\x89PNG\r\n\x1a\n", 2 * _MEGABYTE)
_SONG = ("audio/2_20260106T213045/song.mp3", b"ID3\x04", 5 * _MEGABYTE)
# What is asked for: file, first byte, how many come.
_ASKED = {
    "a picture of 2 MB": (_PICTURE, 0),
    "a song of 5 MB, from 1 MB on": (_SONG, _MEGABYTE),
    "a song of 5 MB, the last 64 kB": (_SONG, 5 * _MEGABYTE - 65_536),
}


def measure(trial: Trial) -> Report:
    """Milliseconds for each file, ours against the bare server's."""
    rows = trial.choose(100_000, 10_000)
    trial.note(f"a database of {rows:,} artifacts")
    folder = _prepare(trial.folder, rows)
    rounds = trial.choose(60, 10)
    report = Report()
    figures = []
    with ExitStack() as stack:
        bare, ours = (stack.enter_context(_client(which, folder)) for which in ("bare", "ours"))
        for what, (file, first) in _ASKED.items():
            trial.note(f"{what}, {rounds} rounds of {_ROUND}")
            turns = {
                name: partial(_milliseconds, client, file, first)
                for name, client in (("bare", bare), ("ours", ours))
            }
            figures.append((what, interleaved(rounds, turns, warm_up=2)))
    _tell(report, figures)
    return report


def _tell(report: Report, figures: list[tuple[str, dict[str, Sample]]]) -> None:
    head = ("served by waitress over loopback", "bare: ms", "ours: ms", "speed of ours / bare")
    ratios = [(what, samples["bare"].over(samples["ours"])) for what, samples in figures]
    report.table(
        head,
        [
            (what, samples["bare"].shown(2), samples["ours"].shown(2), ratio.shown(2))
            for (what, samples), (_, ratio) in zip(figures, ratios, strict=True)
        ],
    )
    for what, ratio in ratios[:2]:
        report.verdict(
            f"{what} at no less than {_TARGET} of the bare server's speed",
            ratio.shown(2),
            met=ratio.median >= _TARGET,
        )


def _prepare(folder: Path, rows: int) -> Path:
    """A database, an output tree with two files, and the settings; gives their folder."""
    database = fill_database(folder / "shared.db", Contents(rows, 0))
    directory = install(folder / "comfyui", database).directory
    settings = json.loads((directory / "config.json").read_text())
    settings["paths"] = {"state": str(folder / "state")}
    settings["web"] = {"port": 0}
    (directory / "config.json").write_text(json.dumps(settings))
    with closing(sqlite3.connect(database)) as driver:
        for path, beginning, size in (_PICTURE, _SONG):
            content = beginning + os.urandom(size - len(beginning))
            file = directory / "output" / path
            file.parent.mkdir(parents=True)
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
def _client(which: str, folder: Path) -> Iterator[socket.socket]:
    """A connection to a server in a process of its own."""
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
        with socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as client:
            yield client
        process.stdin.close()


def _milliseconds(client: socket.socket, file: tuple[str, bytes, int], first: int) -> float:
    """For one answer, of several on a connection that stays."""
    path, _, size = file
    wanted = f"Range: bytes={first}-\r\n" if first else ""
    request = f"GET /api/media/{path} HTTP/1.1\r\nHost: localhost\r\n{wanted}\r\n".encode()
    status = b"HTTP/1.1 206 " if first else b"HTTP/1.1 200 "
    room = memoryview(bytearray(1024 * 1024))
    began = time.perf_counter()
    for _ in range(_ROUND):
        client.sendall(request)
        _take(client, room, status, size - first)
    return (time.perf_counter() - began) / _ROUND * 1000


def _take(client: socket.socket, room: memoryview, status: bytes, length: int) -> None:
    """Read one answer to its last byte."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(4096)
        assert piece, "the server hung up"
        head += piece
    assert head.startswith(status), head
    left = length - len(head.partition(b"\r\n\r\n")[2])
    while left > 0:
        received = client.recv_into(room, min(left, len(room)))
        assert received, "the server hung up"
        left -= received
    assert left == 0
