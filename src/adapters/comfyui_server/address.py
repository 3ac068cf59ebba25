"""The address of a ComfyUI server, and how many jobs of which kinds it gets."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from domain.prompt import Kind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One ComfyUI server.

    Attributes:
        url: for example "http://127.0.0.1:8188"; https, a path, and a user name with a password
            are understood, for servers behind a gateway.
        slots: how many jobs it gets at once.
        kinds: the media kinds that it renders.
        headers: sent with every request to it; a login is one of them. With that of the url.
        ca_file: path of the certificates to trust instead of the system's, or None.
        workflows: names of the only workflows that it gets; empty for all.
        name: the address without any secret, in one canonical form.
        origin: scheme, host and port, where connections go.
        host_and_port: the same as a socket takes them.
        path: the prefix of every path on the server; "" or "/something".
        socket_url: the address of its WebSocket.
    """

    url: str = field(repr=False)  # may hold a password
    slots: int = 1
    kinds: frozenset[Kind] = frozenset(Kind)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    ca_file: str | None = None
    workflows: frozenset[str] = frozenset()
    name: str = field(init=False, repr=False, compare=False)
    origin: str = field(init=False, repr=False, compare=False)
    host_and_port: tuple[str, int] = field(init=False, repr=False, compare=False)
    path: str = field(init=False, repr=False, compare=False)
    socket_url: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid address; the message holds no password."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname or "", parts.port
        except ValueError:  # of a port that is no number; its text may hold the password
            parts, host, port = urlsplit(""), "", None
        if parts.scheme not in _PORTS or not host or port == 0:
            raise ValueError("a server's address looks like http://127.0.0.1:8188")
        port = port or _PORTS[parts.scheme]
        netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        path = parts.path.rstrip("/")
        derived: dict[str, object] = {
            "origin": f"{parts.scheme}://{netloc}",
            "name": f"{parts.scheme}://{netloc}{path}",
            "host_and_port": (host, port),
            "path": path,
            "socket_url": f"{_SOCKET_SCHEMES[parts.scheme]}://{netloc}{path}/ws",
        }
        if parts.username is not None:
            login = basic_login(unquote(parts.username), unquote(parts.password or ""))
            derived["headers"] = {"Authorization": login, **self.headers}
        for attribute, value in derived.items():
            object.__setattr__(self, attribute, value)

    def tls(self) -> ssl.SSLContext | None:
        """How to check the server's certificate; None without TLS.

        Raises:
            OSError: ca_file cannot be read; an SSLError if it holds no certificate.
        """
        if self.origin.startswith("http:"):
            return None
        import ssl  # most servers need none of it

        return ssl.create_default_context(cafile=self.ca_file)


def basic_login(user: str, password: str) -> str:
    """The Authorization header of a user name and a password (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
