"""A session with a PostgreSQL server that is given up if the server does not answer any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import psycopg
from psycopg import errors

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

_SILENT_SECONDS = 10.0  # a statement may take longer, but then the server takes new sessions
_INTERVAL = 0.1  # seconds, as in psycopg; a generator is resumed after each


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end when the server is gone, although TCP does not notice.

    TCP's own time limits cover a pulled cable. They do not cover a server that hangs, or a proxy
    in front of a server that is gone: both acknowledge everything, and answer nothing. There is no
    limit for a statement, which may take minutes. Instead, after some seconds without an answer, a
    second connection is tried: if that gets no answer either, the session is lost.
    """

    _is_new = True

    def greet(self) -> None:
        """Wait for a first answer, for some seconds at most; a proxy accepts sessions without one.

        Raises:
            Error: there is none, or it is a refusal.
        """
        self.execute("SELECT 1")
        self._is_new = False

    def wait(
        self,
        gen: Generator[Any, Any, T],
        interval: float = _INTERVAL,
        timeout: float | None = None,
    ) -> T:
        """Wait for the server, as psycopg does; every statement passes through here.

        Raises:
            OperationalError: the server does not answer any more; the session is closed.
        """
        return super().wait(self._while_alive(gen), interval, timeout)

    def _while_alive(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        try:
            interest = next(gen)
            heard = time.monotonic()
            while True:
                ready = yield interest
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard >= _SILENT_SECONDS:
                    if self._is_new:
                        self._give_up("the session was accepted, but no statement is answered")
                    self._check_server()
                    heard = time.monotonic()
                interest = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _check_server(self) -> None:
        parameters: dict[str, Any] = dict(self.info.get_parameters())  # of this server alone
        if self.info.password:
            parameters["password"] = self.info.password
        try:
            psycopg.connect(**parameters, autocommit=True).close()
        except errors.ConnectionTimeout:
            self._give_up("the server does not answer any more")
        except psycopg.Error:
            return  # an answer, such as that there are too many sessions

    def _give_up(self, message: str) -> NoReturn:
        self.pgconn.finish()
        raise psycopg.OperationalError(message) from None
