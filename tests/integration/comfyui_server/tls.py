"""TLS in front of a server without TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 65_536  # bytes
# nginx's response to a request without TLS on such a port
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    b"<center>The plain HTTP request was sent to HTTPS port</center>"
)


@contextmanager
def behind_tls(url: str, folder: Path, *, explains: bool = True) -> Iterator[tuple[str, str]]:
    """An https address that leads to a server, and the file with the authority's certificate.

    Args:
        url: the server's http address.
        folder: where the certificate file is written.
        explains: whether a request without TLS is answered; otherwise the connection is closed.
    """
    authority = trustme.CA()
    ca_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    listener = socket.create_server(("127.0.0.1", 0))
    relay = _Relay(listener, context, (parts.hostname, parts.port), explains=explains)
    relay.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", str(ca_file)
    finally:
        relay.end()


class _Relay(Thread):
    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        target: tuple[str, int],
        *,
        explains: bool,
    ) -> None:
        super().__init__(name="tls-relay")
        self._listener = listener
        self._context = context
        self._target = target
        self._explains = explains
        self._opened = ExitStack()
        self._threads: list[Thread] = []

    def run(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if plain.recv(1, socket.MSG_PEEK) != b"\x16":  # no TLS handshake
                head = (
                    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                )
                with plain:
                    plain.recv(_CHUNK)
                    if self._explains:
                        plain.sendall(head % len(_PLAIN) + _PLAIN)
                continue
            try:
                client = self._context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                self._opened.callback(_shut, end)
            for source, sink in ((client, server), (server, client)):
                thread = Thread(target=_copy, args=(source, sink))
                thread.start()
                self._threads.append(thread)

    def end(self) -> None:
        """Close everything, and wait until its threads have ended."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()
        self._opened.close()
        for thread in self._threads:
            thread.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
