"""The requests that a ComfyUI server gets, and its answers; nothing else speaks HTTP here.

Routes and answers are those recorded from ComfyUI 0.3.64. Connections are kept open, no request has
an Origin (a server refuses foreign ones), and an answer that makes no sense is a ServerError.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from http.client import responses
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urljoin, urlsplit

from urllib3 import (
    HTTPConnectionPool,
    HTTPSConnectionPool,
    Timeout,
    encode_multipart_formdata,
)
from urllib3.connectionpool import connection_from_url
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from adapters.comfyui_graph.node_types import replaced_type
from adapters.comfyui_server.responses import JobHistory, QueueSnapshot
from adapters.json_values import as_dict, as_list, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from urllib3 import BaseHTTPResponse

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.responses import OutputFile
    from application.ports.system import Clock

HTTP_OK = 200
_GRAPH = 2  # place of the graph in what the history keeps of a submission
_REJECTED = frozenset({400, 413, 422})
_NO_FILE = frozenset({400, 403, 404})
_NO_ROUTE = frozenset({404, 405})
_FIRST_SERVER_ERROR = 500
_TEMPORARY = frozenset({408, 425, 429})
_BAD_REQUEST = 400
_TOO_LARGE = 413
_LOGIN_REQUIRED = frozenset({401, 407, 511})
_GATEWAY = frozenset({502, 504})  # a gate before the server lost sight of the request

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 4.0  # a busy server is slow now and then; the caller asks again
_CATALOGUE_SECONDS = 30.0  # a rich server lists all of its models for it
_UPLOAD_SECONDS = 120.0  # a large picture over a slow line
_SPARE_CONNECTIONS = 3  # for a job that waits, for health checks, and for cancelling
_MAX_ANSWER = 128 * 1024**2  # bytes; a queue holds the graphs of everything that waits
_MAX_QUOTE = 200  # characters
_CHUNK = 262_144  # bytes
_JSON = {"Content-Type": "application/json"}

_MIN_CANCEL_POLL, _MAX_CANCEL_POLL = 0.02, 0.25  # seconds
_CANCEL_INTERVAL = 2.0  # seconds


LOGIN_HINT = 'set "token", "user" and "password", or "headers" for it in comfyui.hosts'
_WANTS_TLS = "it wants an encrypted connection: begin its address with https://"
# What nginx, Caddy and Apache answer to a request without TLS on a port with it.
_TLS_PORT = re.compile(r"\bHTTPS (port|server)\b|speaking plain HTTP", re.IGNORECASE)


class ServerError(Exception):
    """No answer, or none that a ComfyUI server gives.

    Attributes:
        reason: what happened, for a sentence that begins with the server's name.
        arrived: whether the request may have reached the server all the same.
        connected: whether there was a connection at all.
        temporary: whether the request is worth repeating.
    """

    def __init__(
        self, reason: str, *, arrived: bool = True, connected: bool = True, temporary: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.arrived = arrived
        self.connected = connected
        self.temporary = temporary


class NoSuchFileError(Exception):
    """The server does not have a file that its history names."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The server's answer to a graph that was posted.

    Attributes:
        status: 200, or a status that refuses the graph.
        job: the id under which the server knows it; "" if it is refused.
        body: the whole answer; ``node_errors`` in it mean that part of the graph was refused.
    """

    status: int
    job: str
    body: Mapping[str, object]


class ServerClient:
    """The routes of one server. Safe from several threads; every method raises ServerError.

    No redirect is followed: a login is for this server alone.

    Args:
        address: where the server is.
        on_answer: called whenever it answered a request, from any thread.
    """

    def __init__(
        self, address: ServerAddress, on_answer: Callable[[], None] = lambda: None
    ) -> None:
        self._path = address.path
        self._on_answer = on_answer
        self._origin = address.origin
        self._headers = {"Connection": "keep-alive", **address.headers}
        tls = address.tls()
        self._connections: HTTPConnectionPool | HTTPSConnectionPool = connection_from_url(
            address.origin,
            **({} if tls is None else {"ssl_context": tls}),
            maxsize=address.slots + _SPARE_CONNECTIONS,
            block=False,
            timeout=Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
            retries=False,
        )

    def submit(
        self, graph: Mapping[str, object], job: str, client_id: str, preview_method: str = ""
    ) -> Submission:
        """Post a graph to run under an id of this client's choice.

        Args:
            graph: in API format.
            job: the id.
            client_id: of the socket that gets the job's messages.
            preview_method: how previews are made; "" leaves it to the server. Older servers than
                0.33 ignore it.

        Raises:
            ServerError: no answer of ComfyUI's came.
        """
        body: dict[str, object] = {"prompt": graph, "prompt_id": job, "client_id": client_id}
        if preview_method:
            body["extra_data"] = {"preview_method": preview_method}
        status, content = self._request("POST", "/prompt", body)
        if status in _REJECTED:
            try:
                return Submission(status, "", as_dict(json.loads(content)))
            except (ValueError, RecursionError):
                return Submission(status, "", {})
        answer = as_dict(_json(status, content))
        job = as_text(answer.get("prompt_id"))
        if not job:
            raise ServerError("its answer is not ComfyUI's")
        return Submission(status, job, answer)

    def history(self, job: str) -> JobHistory | None:
        """How a job ended; None while it has not, and if the server does not know it."""
        return JobHistory.read(_json(*self._request("GET", f"/history/{quote(job)}")), job)

    def last_graph(self) -> Mapping[str, object]:
        """The graph of the last job in its history, of any client; empty without one."""
        history = as_dict(_json(*self._request("GET", "/history?max_items=1")))
        entries = list(history.values())
        row = as_list(as_dict(entries[-1] if entries else None).get("prompt"))
        return as_dict(row[_GRAPH]) if len(row) > _GRAPH else {}

    def queue(self) -> QueueSnapshot:
        """The ids of the jobs that run and wait."""
        return QueueSnapshot.read(_json(*self._request("GET", "/queue")))

    def cancel(self, job: str) -> bool:
        """Take a job from the queue, or stop it, in one step; False if the server is too old."""
        status, content = self._request("POST", f"/api/jobs/{quote(job)}/cancel", {})
        if status in _NO_ROUTE:
            return False
        _check(status, content)
        return True

    def interrupt(self, job: str) -> None:
        """Stop a running job. Older servers stop whatever runs: check the queue just before."""
        _check(*self._request("POST", "/interrupt", {"prompt_id": job}))

    def delete(self, job: str) -> None:
        """Take a waiting job from the queue."""
        _check(*self._request("POST", "/queue", {"delete": [job]}))

    def free(self) -> None:
        """Make the server unload its models."""
        _check(*self._request("POST", "/free", {"unload_models": True, "free_memory": True}))

    def system_stats(self) -> Mapping[str, object]:
        """The server's versions, memory and devices (``/system_stats``).

        Raises:
            ServerError: no answer of ComfyUI's came.
        """
        stats = as_dict(_json(*self._request("GET", "/system_stats")))
        if not stats:
            raise ServerError("its answer is not ComfyUI's", temporary=False)
        return stats

    def object_info(self, node_types: Iterable[str]) -> Mapping[str, object]:
        """The server's description of each of these node types; types it lacks are left out.

        A type that it replaces by another is there, but without inputs and outputs.
        """
        described: dict[str, object] = {}
        names = sorted(node_types)
        for name in names:
            content = self._request("GET", f"/object_info/{quote(name, safe='')}")
            if entry := as_dict(as_dict(_json(*content)).get(name)):
                described[name] = entry
        if missing := [name for name in names if name not in described]:
            replacements = self._node_replacements()
            described |= {
                name: replaced_type(as_list(replacements[name]))
                for name in missing
                if name in replacements
            }
        return described

    def _node_replacements(self) -> Mapping[str, object]:
        """The node types that the server replaces by others; older servers replace none."""
        status, content = self._request("GET", "/node_replacements")
        return as_dict(_json(status, content)) if status == HTTP_OK else {}

    def all_object_info(self) -> Mapping[str, object]:
        """The server's description of all its node types: some megabytes on a rich server."""
        return as_dict(_json(*self._request("GET", "/object_info", seconds=_CATALOGUE_SECONDS)))

    def view(self, file: OutputFile) -> Generator[bytes]:
        """The bytes of a file, in chunks; the connection ends with the iteration.

        Raises:
            NoSuchFileError: the server does not have it.
        """
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        response = self._open("GET", f"/view?{urlencode(query)}")
        complete = False
        try:
            if response.status in _NO_FILE:
                raise NoSuchFileError(file.filename)
            if response.status != HTTP_OK:
                _check(response.status, response.read(_MAX_ANSWER))
            yield from response.stream(_CHUNK)
            complete = True
        except (HTTPError, OSError) as error:
            raise _connection_error(error) from error
        finally:
            if not complete:
                response.close()
            response.release_conn()

    def has_input(self, name: str, size: int) -> bool:
        """Whether the server's input folder holds a file of this size.

        Args:
            name: its path there ("mediagen/0123.png").
            size: in bytes.
        """
        folder, _, filename = name.rpartition("/")
        query = {"filename": filename, "subfolder": folder, "type": "input"}
        response = self._open("HEAD", f"/view?{urlencode(query)}")
        response.release_conn()
        return response.status == HTTP_OK and response.headers.get("Content-Length") == str(size)

    def upload(self, name: str, content: bytes) -> str:
        """Copy a picture into the server's input folder; gives the path under which it is there.

        A file of that name with the same content stays as it is; one with another content too, and
        the server chooses another name.

        Args:
            name: the path to use there.
            content: of the picture.

        Raises:
            ServerError: it was not accepted; not ``temporary`` if it is too large.
        """
        folder, _, filename = name.rpartition("/")
        fields: dict[str, str | tuple[str, bytes, str]] = {
            "image": (filename, content, "application/octet-stream"),
            "subfolder": folder,
            "type": "input",
        }
        body, media_type = encode_multipart_formdata(fields)
        headers = {"Content-Type": media_type}
        status, answer = self._request(
            "POST", "/upload/image", (body, headers), seconds=_UPLOAD_SECONDS
        )
        if status == _TOO_LARGE:
            size = f"{len(content):,} bytes"
            reason = f"it takes no file of {size} (raise ComfyUI's --max-upload-size)"
            raise ServerError(reason, temporary=False)
        stored = as_dict(_json(status, answer))
        if not (filename := as_text(stored.get("name"))):
            raise ServerError("its answer is not ComfyUI's")
        return "/".join(filter(None, (as_text(stored.get("subfolder")), filename)))

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | tuple[bytes, dict[str, str]] | None = None,
        seconds: float = _ANSWER_SECONDS,
    ) -> tuple[int, bytes]:
        """Send a request and read its whole answer; gives the status and the body."""
        response = self._open(method, path, body, seconds)
        content = None
        try:
            content = response.read(_MAX_ANSWER + 1)
        except (HTTPError, OSError) as error:
            raise _connection_error(error) from error
        finally:
            if content is None or len(content) > _MAX_ANSWER:
                response.close()
            response.release_conn()
        if len(content) > _MAX_ANSWER:
            raise ServerError("its answer is too long")
        return response.status, content

    def _open(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | tuple[bytes, dict[str, str]] | None = None,
        seconds: float = _ANSWER_SECONDS,
    ) -> BaseHTTPResponse:
        content, kind = body if isinstance(body, tuple) else (None, _JSON)
        if body is not None and not isinstance(body, tuple):
            content = json.dumps(body).encode()
        # A connection that was kept may have been closed by the server just now.
        retries = 1 if method in {"GET", "HEAD"} else 0
        while True:
            try:
                response = self._connections.urlopen(
                    method,
                    f"{self._path}{path}",
                    content,
                    self._headers if content is None else self._headers | kind,
                    redirect=False,
                    preload_content=False,
                    timeout=Timeout(connect=_CONNECT_SECONDS, read=seconds),
                )
            except (HTTPError, OSError) as error:
                if not isinstance(error, ProtocolError):
                    raise _connection_error(error) from error
                if not retries:
                    raise self._broken(error) from error
                retries -= 1
                continue
            if location := response.get_redirect_location():
                response.close()
                response.release_conn()
                raise ServerError(self._redirected(location), arrived=False, temporary=False)
            self._on_answer()
            return response

    def _broken(self, error: ProtocolError) -> ServerError:
        """A connection that broke before the answer, as on a port that expects TLS."""
        origin = urlsplit(self._origin)
        if origin.scheme == "http":
            from adapters.tls_probe import speaks_tls

            if speaks_tls(origin.hostname or "", origin.port or 80):
                return ServerError(_WANTS_TLS, arrived=False, temporary=False)
        return _connection_error(error)

    def _redirected(self, location: str) -> str:
        """Where the server sends clients, and what that means."""
        target = urlsplit(urljoin(f"{self._origin}/", location))
        where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"[:_MAX_QUOTE]
        origin = urlsplit(self._origin)
        is_same_host = origin.hostname == target.hostname
        if is_same_host and origin.scheme == "http" and target.scheme == "https":
            return _WANTS_TLS
        return f"it sends clients on to {where}, most likely to log in; {LOGIN_HINT}"


def cancel_job(client: ServerClient, job: str, clock: Clock, seconds: float) -> bool:
    """Take a job from the queue, or interrupt it, and wait until it is gone.

    An interrupt takes effect between two steps, so it may take a while. Servers older than 0.33
    cannot cancel by id, and the oldest do not look at the id of an interrupt and stop whatever
    runs: there it is sent only when the queue has just said that this very job runs.

    Args:
        client: its server's client.
        job: the id of a job of our own.
        clock: what to wait by.
        seconds: how long to wait at most.

    Returns:
        Whether it certainly neither runs nor waits any more. False also if the server cannot be
        asked.
    """
    deadline = clock.monotonic() + seconds
    cancel_at, pause = 0.0, _MIN_CANCEL_POLL
    while True:
        try:
            queue = client.queue()
            if not queue.holds(job):
                return True
            if clock.monotonic() >= cancel_at:
                cancel_at = clock.monotonic() + _CANCEL_INTERVAL
                if not client.cancel(job):
                    cancel_at = _cancel_in_steps(client, job, queue, cancel_at)
        except ServerError as error:
            if not error.temporary:
                return False
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(pause)
        pause = min(2 * pause, _MAX_CANCEL_POLL)


def _cancel_in_steps(
    client: ServerClient, job: str, queue: QueueSnapshot, interrupted_until: float
) -> float:
    """Delete a job that waits, or interrupt it; gives when to try again."""
    if job in queue.waiting:
        client.delete(job)
        return 0.0  # it may have begun to run meanwhile
    client.interrupt(job)
    return interrupted_until


def _json(status: int, content: bytes) -> object:
    _check(status, content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ServerError("its answer is not ComfyUI's") from error


def _check(status: int, content: bytes) -> None:
    """Raise ServerError unless a request succeeded, with the first words of the answer if any."""
    if status == HTTP_OK:
        return
    text = content[: 4 * _MAX_QUOTE].decode("utf-8", "replace")
    if status in _LOGIN_REQUIRED:
        reason = f"it asks for a login ({status} {responses[status]}); {LOGIN_HINT}"
        raise ServerError(reason, arrived=False, temporary=False)
    if status == _BAD_REQUEST and _TLS_PORT.search(text):
        raise ServerError(_WANTS_TLS, arrived=False, temporary=False)
    if text.lstrip().startswith(("<", "{")):
        text = ""
    quoted = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MAX_QUOTE]
    phrase = f"{status} {responses.get(status, '')}".strip()
    raise ServerError(
        f"it answered with {phrase}{quoted and ': '}{quoted}",
        arrived=status in _GATEWAY,
        # A refusal that asks for a password, or a page that is not there, stays as it is.
        temporary=status >= _FIRST_SERVER_ERROR or status in _TEMPORARY,
    )


def _connection_error(error: HTTPError | OSError) -> ServerError:
    match error:
        case NameResolutionError():
            reason = "its name cannot be resolved"
        case NewConnectionError():
            reason = _system_reason(error)
        case ConnectTimeoutError():
            reason = "no connection in time"
        case SSLError():
            reason = _tls_reason(error)
            return ServerError(reason, arrived=False, connected=False, temporary=False)
        case ReadTimeoutError():
            return ServerError("no answer in time")
        case _:
            return ServerError("the connection broke")
    return ServerError(reason, arrived=False, connected=False)


def _tls_reason(error: SSLError) -> str:
    """Why there is no encrypted connection, with what to do about the usual causes."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        verdict = text.rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return (
            f"its certificate is not trusted ({verdict[:_MAX_QUOTE]}); "
            'name a file with it, or with its issuer\'s, as "ca_file" in comfyui.hosts'
        )
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return "it does not encrypt its connections: begin its address with http://"
    return f"no encrypted connection: {text[:_MAX_QUOTE]}"


def _system_reason(error: NewConnectionError) -> str:
    """The operating system's words ("connection refused")."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return "no connection"
