"""The requests that a server is sent, and its answers; nothing else speaks HTTP here.

Routes and answers are those recorded from ComfyUI 0.3.64. Connections are kept, a request has
no Origin (a server refuses foreign ones), and what cannot be understood is trouble.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlencode

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout, make_headers
from urllib3.connectionpool import connection_from_url
from urllib3.exceptions import HTTPError, ProtocolError

from adapters.comfyui_server.history import read_ending
from adapters.comfyui_server.queue_sight import QueueSight
from adapters.comfyui_server.shapes import a_dict, a_text
from adapters.comfyui_server.trouble import ServerTroubleError, trouble_of, trouble_of_status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.history import Ending, OutputFile

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 4.0  # a busy server is slow now and then; whoever asks, asks again
_LARGEST_ANSWER = 128 * 1024**2  # bytes; a queue holds the graphs of everything that waits
_LONGEST_QUOTE = 200  # characters
_CHUNK = 262_144  # bytes
_OK = 200
_REJECTED = frozenset({400, 413, 422})
_SPARE_CONNECTIONS = 2  # for probes, and for whoever ends jobs


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a graph that was posted.

    Attributes:
        status: 200, or a status that refuses the graph.
        job: the id under which the server knows it; "" when it is refused.
        body: the answer; ``node_errors`` in it mean that a part, or all, was refused.
    """

    status: int
    job: str
    body: Mapping[str, object]


class NoSuchFileError(Exception):
    """The server does not have a file that its history names."""


class ServerApi:
    """One server's routes. Safe from several threads; every method raises ServerTroubleError."""

    def __init__(self, address: ServerAddress, answered: Callable[[], None] | None = None) -> None:
        self._path = address.path
        self._answered = answered
        self._headers = dict(make_headers(keep_alive=True, basic_auth=address.login))
        self._connections: HTTPConnectionPool | HTTPSConnectionPool = connection_from_url(
            address.origin,
            maxsize=address.slots + _SPARE_CONNECTIONS,
            block=False,
            timeout=Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
            retries=False,
        )

    def submit(self, graph: Mapping[str, object], job: str, client_id: str) -> Submission:
        """Give the server a graph to run, under our own id."""
        asked = {"prompt": graph, "prompt_id": job, "client_id": client_id}
        with self._asked("POST", "/prompt", asked) as answer:
            if answer.status in _REJECTED:
                return Submission(answer.status, "", a_dict(answer.json_or_none()))
            body = a_dict(answer.json())
        given = a_text(body.get("prompt_id"))
        if not given:
            raise ServerTroubleError("its answer is not ComfyUI's")
        return Submission(answer.status, given, body)

    def ending(self, job: str) -> Ending | None:
        """How a job ended; None while it has not, and when the server does not know it."""
        return read_ending(self._got(f"/history/{quote(job)}"), job)

    def queue(self) -> QueueSight:
        """What runs and what waits."""
        return QueueSight.read(self._got("/queue"))

    def interrupt(self, job: str) -> None:
        """Stop a job that runs. Older servers stop whatever runs: look immediately before."""
        self._posted("/interrupt", {"prompt_id": job})

    def delete(self, job: str) -> None:
        """Take a job that waits from the queue."""
        self._posted("/queue", {"delete": [job]})

    def free(self) -> None:
        """Let the server unload its models."""
        self._posted("/free", {"unload_models": True, "free_memory": True})

    def system_stats(self) -> Mapping[str, object]:
        """What the server says of itself and of its devices."""
        stats = a_dict(self._got("/system_stats"))
        if not stats:
            raise ServerTroubleError("its answer is not ComfyUI's", passing=False)
        return stats

    def object_info(self, node_type: str) -> Mapping[str, object] | None:
        """What the server knows of a node type, or None when it has no such type."""
        answer = a_dict(self._got(f"/object_info/{quote(node_type, safe='')}"))
        found = a_dict(answer.get(node_type))
        return found or None

    def every_object_info(self) -> Mapping[str, object]:
        """What the server knows of all node types, by name: some megabytes on a rich server."""
        return a_dict(self._got("/object_info"))

    def view(self, file: OutputFile) -> Generator[bytes]:
        """The bytes of a file, in pieces; the connection ends with the iteration.

        Raises:
            NoSuchFileError: the server does not have it.
        """
        asked = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        with self._asked("GET", f"/view?{urlencode(asked)}") as answer:
            if answer.status in _MISSING:
                raise NoSuchFileError(file.filename)
            yield from answer.pieces()

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _got(self, path: str) -> object:
        with self._asked("GET", path) as answer:
            return answer.json()

    def _posted(self, path: str, asked: Mapping[str, object]) -> None:
        with self._asked("POST", path, asked) as answer:
            answer.must_be_well()

    def _asked(self, method: str, path: str, asked: Mapping[str, object] | None = None) -> _Answer:
        body = None if asked is None else json.dumps(asked).encode()
        # A connection that was kept may have been closed by the server just now.
        for left in (1, 0) if method == "GET" else (0,):
            try:
                response = self._connections.request(
                    method,
                    f"{self._path}{path}",
                    body=body,
                    headers=self._headers | ({"Content-Type": "application/json"} if body else {}),
                    redirect=False,
                    preload_content=False,
                )
            except ProtocolError as error:
                if not left:
                    raise trouble_of(error) from error
            except (HTTPError, OSError) as error:
                raise trouble_of(error) from error
            else:
                if self._answered:
                    self._answered()
                return _Answer(response)
        raise AssertionError("unreachable")  # pragma: no cover


_MISSING = frozenset({400, 403, 404})


class _Answer:
    """A response; leaving the context gives its connection back, or closes it when unread."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self._read_whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._read_whole:
            self._response.close()
        self._response.release_conn()

    def must_be_well(self) -> None:
        """Raise unless the request succeeded."""
        body = self._body()
        if self.status != _OK:
            raise trouble_of_status(self.status, _quoted(body))

    def json(self) -> object:
        self.must_be_well()
        try:
            return json.loads(self._text)
        except (ValueError, RecursionError) as error:
            raise ServerTroubleError("its answer is not ComfyUI's") from error

    def json_or_none(self) -> object:
        try:
            return json.loads(self._body())
        except (ValueError, RecursionError):
            return None

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes; broken off, it is trouble."""
        if self.status != _OK:
            self.must_be_well()
        try:
            yield from self._response.stream(_CHUNK)
        except (HTTPError, OSError) as error:
            raise trouble_of(error) from error
        self._read_whole = True

    def _body(self) -> bytes:
        try:
            self._text = self._response.read(_LARGEST_ANSWER + 1)
        except (HTTPError, OSError) as error:
            raise trouble_of(error) from error
        if len(self._text) > _LARGEST_ANSWER:
            raise ServerTroubleError("its answer is too long")
        self._read_whole = True
        return self._text


def _quoted(body: bytes) -> str:
    """The answer's first words, if they are words."""
    text = body[: 4 * _LONGEST_QUOTE].decode("utf-8", "replace")
    if text.lstrip().startswith(("<", "{")):
        return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:_LONGEST_QUOTE]
