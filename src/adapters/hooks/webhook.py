"""The hook that is an address: messages are posted to it, signed if there is a secret.

It uses ``http.client``: one request to the host that the address names, no proxies of the
environment, and no redirects, which would send what is signed for one receiver to another.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.hooks.signature import WebhookSigner
from application.ports.hooks import DeliveryFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from application.ports.system import Clock

_GONE = 410  # the receiver will not be available again
_BAD_REQUEST = 400  # what some servers answer to a request without TLS
_WANTS_TLS = "the receiver wants an encrypted connection: begin its address with https://"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_POLL_INTERVAL = 0.1  # seconds between two checks of the time limit


class WebhookTransport:
    """Posts messages to one address.

    Args:
        address: http or https, without a user name, in ASCII.
        secret: the secret for signatures, or None to sign nothing.
        previous_secret: the secret that is being replaced, which signs too, or None.
        clock: its wall side, for signatures.

    Raises:
        SecretError: a secret cannot be used.
    """

    def __init__(
        self,
        address: str,
        secret: str | None,
        previous_secret: str | None,
        clock: Clock,
    ) -> None:
        self._address = urlsplit(address)
        self._signer = WebhookSigner(*filter(None, (secret, previous_secret)))
        self._clock = clock

    def send(
        self, delivery_id: str, body: bytes, remaining: Callable[[], float]
    ) -> DeliveryFailure | None:
        """Post a message, and read the status of the answer: 2xx is delivered, 410 is permanent.

        Args:
            delivery_id: unique id of the message.
            body: the payload, JSON in UTF-8.
            remaining: seconds left; at 0 the connection is cut.
        """
        try:
            status = self._post(delivery_id, body, remaining)
        except (OSError, http.client.HTTPException) as error:
            if remaining() <= 0 or isinstance(error, TimeoutError):
                return DeliveryFailure("the receiver did not answer in time")
            is_refused = isinstance(error, ConnectionRefusedError)
            if not is_refused and self._wants_tls():
                return DeliveryFailure(_WANTS_TLS)
            return DeliveryFailure(f"the receiver could not be reached: {_reason(error)}")
        if status == _BAD_REQUEST and self._wants_tls():
            return DeliveryFailure(_WANTS_TLS)
        if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
            return None
        return DeliveryFailure(f"the receiver answered {status}", permanent=status == _GONE)

    def _post(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> int:
        address = self._address
        host = address.hostname or ""
        port = address.port or _DEFAULT_PORTS[address.scheme]
        connection = http.client.HTTPConnection(host, port)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        left = remaining()
        if left <= 0:
            raise TimeoutError
        with (
            socket.create_connection((host, port), timeout=left) as plain,
            _time_limit(plain, remaining),
            self._encrypted(plain, host) as connection.sock,
        ):
            timestamp = int(self._clock.now().timestamp())
            headers = {
                "Host": address.netloc,
                "Content-Type": "application/json",
                "User-Agent": "mediagen",
                "Connection": "close",
                **self._signer.headers(delivery_id, timestamp, body),
            }
            connection.request("POST", target, body, headers)
            with connection.getresponse() as response:
                return response.status

    def _wants_tls(self) -> bool:
        """Whether the port of an http address speaks TLS."""
        if self._address.scheme != "http":
            return False
        from adapters.tls_probe import speaks_tls

        return speaks_tls(self._address.hostname or "", self._address.port or 80)

    def _encrypted(self, plain: socket.socket, host: str) -> AbstractContextManager[socket.socket]:
        if self._address.scheme == "http":
            return contextlib.nullcontext(plain)
        import ssl

        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


@contextlib.contextmanager
def _time_limit(connection: socket.socket, remaining: Callable[[], float]) -> Iterator[None]:
    """Cut the connection when the time is up; a limit per read would let a slow drip continue.

    Raises:
        TimeoutError: the connection was cut.
    """
    done, cut = Event(), Event()
    duplicate = connection.dup()  # TLS wraps the socket in another one on the same connection

    def watch() -> None:
        while not done.wait(min(_POLL_INTERVAL, max(remaining(), 0.0))):
            if remaining() <= 0:
                cut.set()
                with contextlib.suppress(OSError):  # it has just ended
                    duplicate.shutdown(socket.SHUT_RDWR)
                return

    watcher = Thread(target=watch, name="webhook-limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        duplicate.close()
    if cut.is_set():  # what looks like an answer may be only the beginning of one
        raise TimeoutError


def _reason(error: Exception) -> str:
    """What happened, without the address: it may hold a secret of the receiver."""
    if isinstance(error, http.client.HTTPException):
        return f"it sent no proper answer ({type(error).__name__})"
    if "WRONG_VERSION_NUMBER" in str(error):
        return "it does not encrypt its connections: begin its address with http://"
    return getattr(error, "strerror", None) or type(error).__name__
