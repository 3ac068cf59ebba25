"""The web server: from the settings to a running waitress that slow clients cannot block.

Why the private classes below exist: waitress lets a thread wait, for ever, until a client has read
the answers to its earlier requests, and never closes a connection on which further requests wait.
No setting of waitress changes that, so ``_Channel`` and ``_Listener`` override methods of its
internal classes; ``_Request`` gives each request a limit of its own. Those may change in any minor
version: pyproject.toml admits only the versions that were read, and tests with clients that do not
read fail where an override has no effect. See docs/decisions/0008-web-server.md.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import deque
from contextlib import suppress
from copy import copy
from functools import partial
from logging import getLogger
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask
from waitress.wasyncore import close_all, loop

from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.web.access import (
    access_for,
    base_path,
    is_loopback,
    origin_of,
    warn_of_rejected_token,
)
from entrypoints.web.app import MAX_BODY_BYTES, create_app, max_body_bytes
from entrypoints.web.file_responses import MAX_BYTES_AT_ONCE
from entrypoints.web.services import build_services
from entrypoints.web.sockets import is_exposed, listening_sockets, max_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from flask import Flask
    from waitress.task import ThreadedTaskDispatcher

    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.model import Web

    BodyLimit: TypeAlias = Callable[[str, Mapping[str, str]], int]

MAX_REQUEST_SECONDS: Final = 20.0  # from the first byte of a request to its last
MAX_IDLE_SECONDS: Final = 60  # of a connection on which nothing happens
MAX_SHUTDOWN_SECONDS: Final = 3.0  # for the responses that are being sent when the server ends
_FEW_THREADS: Final = 2  # that are at their requests for less than a moment, at a time
_MAX_WAIT: Final = 0.005  # seconds of that moment
_MAX_ACCEPTED: Final = 64  # connections that are accepted in one turn of the loop
_POLL_INTERVAL: Final = 5  # seconds between two searches for connections to close
# No thread ever waits for a reader: a response is a file, which is read as it is sent, or small.
_UNLIMITED_BYTES: Final = 2**62


class RunningServer:
    """A server that answers until it is closed.

    Attributes:
        url: its address, with the port that it got.
        needs_token: whether requests must carry the token of the settings.
        public_urls: its addresses behind a proxy.
    """

    def __init__(
        self, server: WebServer, url: str, close_services: Callable[[], None], web: Web
    ) -> None:
        self.url = url
        self.needs_token = web.token is not None
        self.public_urls = tuple(origin_of(url) + base_path(web) for url in web.public_urls)
        self._server = server
        self._close_services = close_services

    def close(self) -> None:
        """Stop answering, and close the database."""
        self._server.close()
        self._close_services()


def start_server(
    loaded: LoadedSettings,
    on_rejected: Callable[[str, str, int], None] = warn_of_rejected_token,
) -> RunningServer:
    """Serve at ``web.host`` and ``web.port``, in threads of its own.

    The database need not exist yet: until it does, responses say what is wrong with it.

    Args:
        loaded: the settings.
        on_rejected: reports wrong access tokens, called as ``RejectedTokens`` says.

    Raises:
        SettingsError: nothing can be served there, or other machines could reach it without a
            token.
    """
    web = loaded.settings.web
    sockets = listening_sockets(loaded)
    port = sockets[0].getsockname()[1]
    try:
        _check_protected(loaded, sockets)
        access = access_for(web, socket.gethostname(), port, on_rejected)
        services, close_services = build_services(loaded, access)
        server = WebServer(
            create_app(services),
            sockets,
            web.threads,
            partial(max_body_bytes, access),
            max_connections(),
            base_path(web),
        )
    except BaseException:
        for listening in sockets:
            listening.close()
        raise
    url = _url(web.host, port) + base_path(web)
    return RunningServer(server, url, close_services, web)


def _check_protected(loaded: LoadedSettings, sockets: list[socket.socket]) -> None:
    web = loaded.settings.web
    public = [url for url in web.public_urls if not is_loopback(urlsplit(url).hostname or "")]
    if web.token is not None or not (public or is_exposed(sockets)):
        return
    fix = "Set web.token (MEDIA_GENERATOR_WEB__TOKEN) to a secret text of 12 characters or more"
    if public:
        key, what = "web.public_urls", f"web.public_urls holds {public[0]}"
        fix += "; a proxy with a login of its own can send the token."
    else:
        key, what = "web.host", f"web.host is {web.host!r}"
        fix += ', or set web.host to "127.0.0.1".'
    what += ", which other machines can reach, and web.token is not set"
    raise SettingsError([Problem(str(loaded.provenance[key]), what, fix, key)])


def _url(host: str, port: int) -> str:
    name = host.strip("[]")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return f"http://{name or 'localhost'}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{name}]:{port}" if address.version == 6 else f"http://{name}:{port}"  # noqa: PLR2004


class WebServer:
    """Answers from the moment it is made until it is closed.

    Args:
        app: called by several threads.
        sockets: bound, not yet listening.
        threads: number of threads that answer requests.
        max_body: bytes of a request's body at most, by its path and its headers; these have names
            in capitals with underscores.
        max_open: connections at the same time; beyond that, the longest idle one is closed.
        base: path below which the application is: "" or as in "/media". A proxy may pass it on, or
            leave it out.
    """

    def __init__(
        self,
        app: Flask,
        sockets: Sequence[socket.socket],
        threads: int,
        max_body: BodyLimit,
        max_open: int,
        base: str = "",
    ) -> None:
        settings = _Settings(
            sockets=list(sockets),
            threads=threads,
            ident="",
            asyncore_use_poll=True,  # select() ends at file 1023
            connection_limit=2 * max_open + 64,
            backlog=1024,
            channel_timeout=MAX_IDLE_SECONDS,
            cleanup_interval=_POLL_INTERVAL,
            outbuf_high_watermark=_UNLIMITED_BYTES,
            max_request_header_size=32 * 1024,
            max_request_body_size=MAX_BODY_BYTES,
            log_socket_errors=False,
            url_prefix=base,
        )
        settings.max_body = max_body
        self._map: dict[int, Any] = {}
        self._tasks = _Threads(threads)
        self._servers = [
            _Listener(app, self._map, self._tasks, settings, listening, max_open)
            for listening in sockets
        ]
        self._ending = Event()
        self._thread = Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, finish the responses that are being sent, and close all connections."""
        self._ending.set()
        for server in self._servers:
            with suppress(OSError):  # the loop has noticed and ended already
                server.pull_trigger()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ending.is_set():
            self._turn(self._tasks.keep_up())
        for server in self._servers:  # connections that are open stay
            server.accepting = False
            server.del_channel()
            if server.socket is not None:
                server.socket.close()
        deadline = time.monotonic() + MAX_SHUTDOWN_SECONDS
        while time.monotonic() < deadline and any(
            channel.requests or channel.total_outbufs_len  # a response is being made or sent
            for server in self._servers
            for channel in server.channels.values()
        ):
            self._turn(0.05)
        self._tasks.shutdown()
        close_all(self._map)

    def _turn(self, seconds: float) -> None:
        loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        # waitress closes a connection when it can be written to, so never one whose client does
        # not read. Within a turn, a file number that becomes free could be given to a new
        # connection while events of the old one are still being handled.
        for server in self._servers:
            for channel in list(server.channels.values()):
                if channel.will_close:
                    channel.handle_close()


class _Threads:
    """Threads that answer requests, few of them at a time.

    Python lets one thread compute at a time, and a thread gives up its turn with each system call.
    Of eight at work, each waits for seven others about twenty times for one picture, and some wait
    much longer than the rest. Threads that have been at one request for a while do not count: they
    probably wait for something else.

    Args:
        count: number of threads.
    """

    def __init__(self, count: int) -> None:
        self._lock = Lock()
        self._tasks: deque[_Channel] = deque()
        self._idle = [Lock() for _ in range(count)]  # each wakes its thread when it is released
        self._began: dict[Lock, float] = {}  # when the other threads began a request
        self._waking = 0  # how many of them have not taken a request yet
        self._ending = Event()
        self._threads = [
            Thread(target=self._work, args=(wake,), name=f"web-{number}", daemon=True)
            for number, wake in enumerate(self._idle)
        ]
        for wake in self._idle:
            wake.acquire()
        for thread in self._threads:
            thread.start()

    def add_task(self, task: _Channel) -> None:
        """Have the next request of a connection answered, once its earlier responses were read."""
        if task.total_outbufs_len or task.will_close:
            task.is_due = True  # see _Channel.writable, which the loop calls next
            return
        with self._lock:
            self._tasks.append(task)
        self.keep_up()

    def keep_up(self) -> float:
        """Wake a thread if a request waits and few are at work.

        Returns:
            Seconds after which to call it again.
        """
        with self._lock:
            if len(self._tasks) <= self._waking:  # often: a thread that was woken is not yet there
                return 1.0
            now = time.monotonic()
            recent = sum(began > now - _MAX_WAIT for began in self._began.values())
            if self._idle and recent < _FEW_THREADS:
                wake = self._idle.pop()  # the last that worked: the processor has its memory
                self._began[wake] = now
                self._waking += 1
                wake.release()
            return 1.0 if len(self._tasks) <= self._waking else _MAX_WAIT

    def shutdown(self) -> None:
        """Answer no further request, and wait a second for those that are being answered."""
        with self._lock:
            self._ending.set()
            while self._tasks:
                self._tasks.popleft().cancel()
            while self._idle:
                self._idle.pop().release()
        deadline = time.monotonic() + 1
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, wake: Lock) -> None:
        while True:
            wake.acquire()
            with self._lock:
                if self._ending.is_set():
                    return
                self._waking -= 1
                task = self._tasks.popleft() if self._tasks else None
            try:
                if task is not None:
                    task.service()
            except BaseException as error:  # noqa: BLE001 - the thread must live on
                # Its message may quote a prompt.
                getLogger("mediagen.web").error("%s while answering", type(error).__name__)  # noqa: TRY400
            with self._lock:
                self._began.pop(wake, None)
                self._idle.append(wake)
                if self._ending.is_set():
                    return
            self.keep_up()


class _Settings(Adjustments):
    """The settings of all requests.

    Attributes:
        max_body: as ``WebServer`` has it.
    """

    max_body: BodyLimit


class _Request(HTTPRequestParser):
    """A request whose head says how large its body may be."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        path: str = self.path  # type: ignore[attr-defined] # the stubs lack it
        limit = cast("_Settings", self.adj).max_body(path, self.headers)
        if limit != self.adj.max_request_body_size:
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = limit


class _Task(WSGITask):
    """A request whose short response is sent at once rather than after its header."""

    def write(self, data: bytes) -> None:
        is_whole = len(data) == self.content_length and self.complete and not self.wrote_header
        if not (is_whole and self.has_body and 0 < len(data) <= MAX_BYTES_AT_ONCE):
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)


class _Channel(HTTPChannel):
    """A connection whose next request is answered once the client has read the earlier responses.

    Attributes:
        request_began: when the first byte of an unfinished request came (time.time), or None.
        is_due: whether a request waits to be given to a thread.
        is_sending: whether something is being sent. The loop, which cannot help, would try again
            and again; the thread that sends wakes it if something is left.
    """

    parser_class = _Request
    task_class = _Task
    request_began: float | None = None
    is_due = False
    is_sending = False

    def writable(self) -> bool:
        """Whether there is something to send; called by the loop before each of its turns."""
        if self.is_due and not self.total_outbufs_len and not self.will_close:
            self.is_due = False
            self.server.task_dispatcher.add_task(self)  # type: ignore[arg-type] # a channel is one
            self.server.pull_trigger()  # the time that this turn may take has been set before
        return not self.is_sending and bool(super().writable())

    def received(self, data: bytes) -> bool:
        if self.request_began is None:
            self.request_began = time.time()
        taken = super().received(data)
        if self.request is None:
            self.request_began = None
        return bool(taken)

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001, FBT002 - as in waitress
        # Without requests, waitress's loop does not lock; a thread may be sending "100 Continue".
        with self.outbuf_lock:
            self.is_sending = True
            try:
                return bool(super()._flush_some(do_close))  # type: ignore[misc] # the stubs lack it
            finally:
                self.is_sending = False

    def handle_close(self) -> None:
        """Hang up."""
        if self.is_due:  # no thread will close these requests
            for request in self.requests:
                request.close()
        super().handle_close()

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn: to send a request, or to read a response."""
        is_unread = self.is_due and self.total_outbufs_len > 0
        return not self.will_close and (is_unread or not self.requests)

    @property
    def progress_at(self) -> float:
        """When the client last made progress; an unfinished request is none."""
        return self.request_began or self.last_activity


class _Listener(TcpWSGIServer):
    """Accepts connections, and closes those that are to end.

    Attributes:
        channels: the open connections, by their file numbers.
    """

    channel_class = _Channel

    def __init__(
        self,
        app: Flask,
        channels: dict[int, Any],
        tasks: _Threads,
        settings: Adjustments,
        listening: socket.socket,
        max_open: int,
    ) -> None:
        self._max_open = max_open
        address = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            app,
            channels,
            _sock=listening,
            dispatcher=cast("ThreadedTaskDispatcher", tasks),
            adj=settings,
            sockinfo=address,
            bind_socket=False,
        )
        self.channels = cast("dict[int, _Channel]", self.active_channels)

    def handle_accept(self) -> None:
        """Accept new connections, many at a time; close the longest idle ones beyond the limit."""
        for _ in range(_MAX_ACCEPTED):
            before = len(self.channels)
            super().handle_accept()
            if len(self.channels) == before:
                break
        surplus = len(self.channels) - self._max_open
        if surplus <= 0:
            return
        closing = sum(channel.will_close for channel in self.channels.values())
        waiting = [channel for channel in self.channels.values() if channel.is_waiting]
        waiting.sort(key=lambda channel: channel.progress_at)
        for channel in waiting[: max(0, surplus - closing)]:
            channel.will_close = True

    def maintenance(self, now: float) -> None:
        """Close connections on which nothing happens, and those with endless requests.

        A client that does not read its response is idle, whatever it sends.
        """
        super().maintenance(int(now))
        for channel in self.channels.values():
            began = channel.request_began
            is_unbounded = began is not None and now - began > MAX_REQUEST_SECONDS
            is_idle = now - channel.last_activity > MAX_IDLE_SECONDS
            if (is_unbounded and channel.is_waiting) or (is_idle and channel.total_outbufs_len > 0):
                channel.will_close = True
