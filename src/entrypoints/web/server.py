"""waitress, hardened: those who ask slowly, or never finish asking, give way to those who ask."""

from __future__ import annotations

import time
from contextlib import suppress
from logging import ERROR, getLogger
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, cast

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.wasyncore import close_all, loop

from entrypoints.web.sending import SendingTask, send_part

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from flask import Flask

    from adapters.media_files.body import FilePart

REQUEST_SECONDS: Final = 20.0  # from the first byte of a request to its last
IDLE_SECONDS: Final = 60  # a connection on which nothing happens
FAREWELL_SECONDS: Final = 3.0  # for what is being answered when the server ends
_ACCEPTED_AT_ONCE: Final = 64
_LOOK_SECONDS: Final = 5  # between two looks for connections that last too long


class WebServer:
    """Answers from the moment it is made until it is closed.

    Args:
        app: what answers; called by several threads.
        sockets: bound, not yet listening.
        threads: that answer.
        largest_body: of a request, in bytes.
        most: connections at the same time; one that waits gives way to a newer one.
    """

    def __init__(
        self,
        app: Flask,
        sockets: Sequence[socket.socket],
        threads: int,
        largest_body: int,
        most: int,
    ) -> None:
        getLogger("waitress.queue").setLevel(ERROR)  # that all threads are busy is no news
        settings = Adjustments(
            sockets=list(sockets),
            threads=threads,
            ident="",
            asyncore_use_poll=True,  # select() ends at file 1023
            connection_limit=2 * most + 64,
            backlog=1024,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=_LOOK_SECONDS,
            max_request_header_size=32 * 1024,
            max_request_body_size=largest_body,
            log_socket_errors=False,
        )
        self._map: dict[int, Any] = {}
        self._tasks = ThreadedTaskDispatcher()
        self._tasks.set_thread_count(threads)
        self._servers = [_Listener(app, self._map, self._tasks, settings, s, most) for s in sockets]
        self._ending = Event()
        self._thread = Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more, end what is being answered, and hang up."""
        self._ending.set()
        for server in self._servers:
            with suppress(OSError):  # the loop looked by itself, and has ended already
                server.pull_trigger()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ending.is_set():
            loop(timeout=1.0, use_poll=True, map=self._map, count=1)
        for server in self._servers:
            server.stop_listening()
        deadline = time.monotonic() + FAREWELL_SECONDS
        while time.monotonic() < deadline and any(server.is_busy for server in self._servers):
            loop(timeout=0.05, use_poll=True, map=self._map, count=1)
        self._tasks.shutdown(timeout=1)
        close_all(self._map)


class _Channel(HTTPChannel):
    """A connection that knows since when its request is on the way."""

    task_class = SendingTask
    asked_since: float | None = None

    def send(self, data: bytes | FilePart, do_close: bool = True) -> int:  # noqa: FBT001, FBT002
        if isinstance(data, bytes):
            return int(super().send(data, do_close))
        assert self.socket is not None  # noqa: S101 - whoever sends is connected
        sent = send_part(self.socket.fileno(), data)
        return sent if isinstance(sent, int) else int(super().send(sent, do_close))

    def received(self, data: bytes) -> bool:
        if self.asked_since is None:
            self.asked_since = time.time()
        taken = super().received(data)
        if self.request is None:
            self.asked_since = None
        return bool(taken)

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is being answered on it."""
        return not self.requests and not self.will_close

    @property
    def patience(self) -> tuple[bool, float]:
        """What may end first is smallest: what has nothing to send, and was long without use."""
        return self.total_outbufs_len > 0, self.asked_since or self.last_activity


class _Listener(TcpWSGIServer):
    channel_class = _Channel

    def __init__(
        self,
        app: Flask,
        channels: dict[int, Any],
        tasks: ThreadedTaskDispatcher,
        settings: Adjustments,
        listening: socket.socket,
        most: int,
    ) -> None:
        self._most = most
        place = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            app,
            channels,
            _sock=listening,
            dispatcher=tasks,
            adj=settings,
            sockinfo=place,
            bind_socket=False,
        )

    @property
    def _channels(self) -> dict[int, _Channel]:
        return cast("dict[int, _Channel]", self.active_channels)

    @property
    def is_busy(self) -> bool:
        """Whether somebody is being answered."""
        return any(c.requests or c.total_outbufs_len for c in self._channels.values())

    def handle_accept(self) -> None:
        """Take whoever knocks, many at a time; where there are too many, the idlest one ends."""
        for _ in range(_ACCEPTED_AT_ONCE):
            before = len(self._channels)
            super().handle_accept()
            if len(self._channels) == before:
                break
        self._make_room()

    def maintenance(self, now: float) -> None:
        """End connections on which nothing happens, and requests that never become whole."""
        super().maintenance(int(now))
        for channel in self._channels.values():
            since = channel.asked_since
            if since is not None and channel.is_waiting and now - since > REQUEST_SECONDS:
                channel.will_close = True

    def stop_listening(self) -> None:
        """Take nobody any more; those who are there stay."""
        self.accepting = False
        self.del_channel()
        if self.socket is not None:
            self.socket.close()

    def _make_room(self) -> None:
        surplus = len(self._channels) - self._most
        if surplus <= 0:
            return
        closing = sum(channel.will_close for channel in self._channels.values())
        waiting = [channel for channel in self._channels.values() if channel.is_waiting]
        waiting.sort(key=lambda channel: channel.patience)
        # Closed by the next turn of the loop: a number that is free at once could be given to a
        # newcomer while old news about it is still being worked through.
        for channel in waiting[: max(0, surplus - closing)]:
            channel.will_close = True
