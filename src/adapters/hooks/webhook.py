"""A hook at an address: the payload is posted, signed where there is a secret.

Spoken with ``http.client``, which does just what is wanted: one request to the host that the
address names. It knows no proxies of the environment and follows no redirect, by which what is
signed for one receiver would reach another.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.hooks.signature import signature
from application.ports.notice_sender import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from application.ports.clock import Clock

_GONE = 410  # the receiver says that it will never be there again
_PORTS = {"http": 80, "https": 443}
_LOOK_SECONDS = 0.1


class Webhook:
    """Posts to one address.

    Args:
        address: http or https, without a user name, in ASCII.
        secret: for the signature, or None for none.
        clock: its wall side, for the signature.
    """

    def __init__(self, address: str, secret: str | None, clock: Clock) -> None:
        self._address = urlsplit(address)
        self._secret = secret
        self._clock = clock

    def send(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> Refusal | None:
        """Post, and read the first line of the answer; 2xx is delivered, 410 is final."""
        try:
            status = self._post(delivery_id, body, remaining)
        except (OSError, http.client.HTTPException) as error:
            if remaining() <= 0 or isinstance(error, TimeoutError):
                return Refusal("the receiver did not answer in time")
            return Refusal(f"the receiver could not be reached: {_words(error)}")
        if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
            return None
        return Refusal(f"the receiver answered {status}", final=status == _GONE)

    def _post(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> int:
        address = self._address
        host = address.hostname or ""
        port = address.port or _PORTS[address.scheme]
        connection = http.client.HTTPConnection(host, port)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        with (
            self._connected(host, port, remaining) as plain,
            _ended_in_time(plain, remaining),
            self._secured(plain, host) as wire,
        ):
            connection.sock = wire
            connection.request("POST", target, body, self._headers(delivery_id, body))
            with connection.getresponse() as response:
                return response.status

    def _connected(self, host: str, port: int, remaining: Callable[[], float]) -> socket.socket:
        left = remaining()
        if left <= 0:
            raise TimeoutError
        return socket.create_connection((host, port), timeout=left)

    def _secured(self, plain: socket.socket, host: str) -> AbstractContextManager[socket.socket]:
        if self._address.scheme == "http":
            return contextlib.nullcontext(plain)
        import ssl

        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)

    def _headers(self, delivery_id: str, body: bytes) -> dict[str, str]:
        headers = {
            "Host": self._address.netloc,
            "Content-Type": "application/json",
            "User-Agent": "mediagen",
            "Connection": "close",
            "X-Mediagen-Delivery": delivery_id,
        }
        if self._secret is not None:
            at = int(self._clock.now().timestamp())
            headers["X-Mediagen-Signature"] = signature(self._secret, at, body)
        return headers


@contextlib.contextmanager
def _ended_in_time(wire: socket.socket, remaining: Callable[[], float]) -> Iterator[None]:
    """Cut the line when the time is over: a limit for each read would let drops go on for ever.

    Raises:
        TimeoutError: the line was cut.
    """
    done, cut = Event(), Event()
    line = wire.dup()  # what is made of the socket for TLS is another one, on the same line

    def watch() -> None:
        while not done.wait(min(_LOOK_SECONDS, max(remaining(), 0.0))):
            if remaining() <= 0:
                cut.set()
                with contextlib.suppress(OSError):  # it has ended by itself
                    line.shutdown(socket.SHUT_RDWR)
                return

    watcher = Thread(target=watch, name="webhook-limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        line.close()
    if cut.is_set():  # what looks like an answer is but the beginning of one
        raise TimeoutError


def _words(error: Exception) -> str:
    """What happened, without the address: that may hold what only the receiver should know."""
    if isinstance(error, http.client.HTTPException):
        return f"it sent no proper answer ({type(error).__name__})"
    return getattr(error, "strerror", None) or type(error).__name__
