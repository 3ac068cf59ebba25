"""The page's data and media, compared with the same rows and files from plain Flask.

Plain Flask is a backend of forty lines: one query, ``jsonify`` and ``send_from_directory``, without
checks of host, origin, token or path; on waitress like ours, and on gunicorn with threads. All
three run in separate processes and take turns.
"""

from __future__ import annotations

import http.client
import json
import re
import selectors
import socket
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.media import PICTURE, SMALL, prepare, serving
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.reports import Trial

_OURS, _FLASK, _GUNICORN = "ours", "flask", "gunicorn"
_SERVERS: Final = (_FLASK, _GUNICORN, _OURS)
_CLIENTS: Final = 16
_REQUESTS: Final = 30  # of each
_MIN_SPEED: Final = 0.9  # of the best peer
_GALLERY: Final = "first page of the gallery, 60 files, as JSON"
_PATHS: Final = {
    _GALLERY: "/api/v1/gallery",
    "a picture of 12 kB": f"/api/media/{SMALL[0]}",
    "a picture of 2 MB": f"/api/media/{PICTURE[0]}",
}


def measure(trial: Trial) -> Report:
    """Milliseconds for each response to one client, and to sixteen at a time."""
    folder = prepare(trial.folder, trial.choose(100_000, 10_000))
    rounds, requests = trial.choose(60, 10), 20
    report = Report()
    with ExitStack() as stack:
        ports = {name: stack.enter_context(serving(name, folder)) for name in _SERVERS}
        _check_rows(ports)
        trial.note(f"one client, {rounds} rounds of {requests}")
        alone = {
            title: interleaved(
                rounds,
                {name: partial(_mean, port, path, requests) for name, port in ports.items()},
                warm_up=2,
            )
            for title, path in _PATHS.items()
        }
        trial.note(f"{_CLIENTS} clients")
        crowded = {
            title: _crowded(trial.choose(20, 3), ports, path) for title, path in _PATHS.items()
        }
    _tell(report, alone, crowded)
    return report


def _tell(
    report: Report,
    alone: Mapping[str, Mapping[str, Sample]],
    crowded: Mapping[str, Mapping[str, Sample]],
) -> None:
    titles = {_FLASK: "plain Flask, waitress", _GUNICORN: "plain Flask, gunicorn", _OURS: "ours"}
    heads = [titles[name] for name in _SERVERS]
    report.table(
        ("ms, one client", *heads, "speed: ours / Flask on waitress", "ours / the best"),
        [
            (
                title,
                *(samples[name].shown() for name in _SERVERS),
                samples[_FLASK].over(samples[_OURS]).shown(),
                _speed(samples).shown(),
            )
            for title, samples in alone.items()
        ],
    )
    report.table(
        (f"ms, {_CLIENTS} clients, 99 of 100 within", *heads, "ours / gunicorn"),
        [
            (
                title,
                *(samples[name].shown(1) for name in _SERVERS),
                samples[_OURS].over(samples[_GUNICORN]).shown(),
            )
            for title, samples in crowded.items()
        ],
    )
    for title, samples in alone.items():
        speed = samples[_FLASK].over(samples[_OURS]) if title == _GALLERY else _speed(samples)
        peer = "plain Flask on waitress" if title == _GALLERY else "the best of the two"
        report.verdict(
            f"{title} at no less than {_MIN_SPEED} of the speed of {peer}",
            speed.shown(),
            met=speed.median >= _MIN_SPEED,
        )
    for title, samples in crowded.items():
        ratio = samples[_OURS].over(samples[_GUNICORN])
        report.verdict(
            f"{title}, {_CLIENTS} clients: the 99th percentile at most that of gunicorn",
            ratio.shown(),
            met=ratio.median <= 1,
        )


def _speed(samples: Mapping[str, Sample]) -> Sample:
    """Our speed over that of the best peer."""
    best = min((samples[_FLASK], samples[_GUNICORN]), key=lambda sample: sample.median)
    return best.over(samples[_OURS])


def _check_rows(ports: Mapping[str, int]) -> None:
    """Check that all responses contain the same rows."""
    answers = [json.loads(_get(port, "/api/v1/gallery")) for port in ports.values()]
    rows = [[item["artifact_id"] for item in answer["items"]] for answer in answers]
    assert len(rows[0]) == 60
    assert rows.count(rows[0]) == len(rows)
    members = [set(answer["items"][0]) for answer in answers]
    assert members.count(members[0]) == len(members), members


def _get(port: int, path: str) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        return _answer(client, path)


def _answer(client: http.client.HTTPConnection, path: str) -> bytes:
    client.request("GET", path)
    response = client.getresponse()
    assert response.status == http.HTTPStatus.OK, (path, response.status)
    return response.read()


def _mean(port: int, path: str, requests: int) -> float:
    """Mean milliseconds for one response of several over one connection."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        _answer(client, path)
        began = time.perf_counter()
        for _ in range(requests):
            _answer(client, path)
        return (time.perf_counter() - began) / requests * 1000


def _crowded(rounds: int, ports: Mapping[str, int], path: str) -> dict[str, Sample]:
    turns = {name: partial(_percentile, port, path) for name, port in ports.items()}
    return interleaved(rounds, turns, warm_up=1)


def _percentile(port: int, path: str) -> float:
    """Milliseconds within which 99 of 100 requests of all clients are answered.

    One thread sends all requests: several would wait for one another and distort the result.
    """
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        clients = [stack.enter_context(closing(_Client(port, path))) for _ in range(_CLIENTS)]
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask()
        while any(client.left for client in clients):
            for key, _ in selector.select():
                key.data.read()
        return Sample(tuple(value for client in clients for value in client.times)).percentile(99)


class _Client:
    """A connection that sends its next request as soon as it has a response.

    Attributes:
        left: number of requests without a response.
        times: milliseconds of the others.
    """

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.left = _REQUESTS
        self.times: list[float] = []
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._head = b""
        self._rest = 0

    def ask(self) -> None:
        """Send the next request, if there is one."""
        self._began = time.perf_counter()
        if self.left:
            self.socket.sendall(self._request)

    def read(self) -> None:
        """Read received data; at the end of a response, send the next request."""
        data = self.socket.recv(1024 * 1024)
        assert data, "the server closed the connection"
        if self._rest:
            self._rest -= len(data)
        else:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 200 "), head
            [length] = re.findall(rb"(?i)\r\ncontent-length: (\d+)", head)
            self._head, self._rest = b"", int(length) - len(body)
        if self._rest == 0:
            self.left -= 1
            self.times.append((time.perf_counter() - self._began) * 1000)
            self.ask()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()
