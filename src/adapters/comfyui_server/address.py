"""Where a server is, and what it may be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from domain.kind import Kind

_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One ComfyUI server.

    Attributes:
        url: "http://127.0.0.1:8188"; https, a path, and a name with a password are understood,
            for servers behind a gate.
        slots: how many jobs it is given at once.
        kinds: of media that it renders.
    """

    url: str = field(repr=False)  # may hold a password
    slots: int = 1
    kinds: frozenset[Kind] = frozenset(Kind)

    def __post_init__(self) -> None:
        """Refuse what is no address; the message holds no password."""
        try:
            parts = urlsplit(self.url)
            well = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:  # of a port that is no number; its text may hold the password
            well = False
        if not well:
            raise ValueError("a server's address looks like http://127.0.0.1:8188")

    @property
    def name(self) -> str:
        """The address without any secret, always written in the same way."""
        return f"{self._scheme}://{self._place}{self.path}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, where connections go."""
        return f"{self._scheme}://{self._place}"

    @property
    def path(self) -> str:
        """What stands before every path on the server; "" or "/something"."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def socket_url(self) -> str:
        """The address of its WebSocket."""
        return f"{_SOCKET_SCHEMES[self._scheme]}://{self._place}{self.path}/ws"

    @property
    def login(self) -> str | None:
        """The "name:password" of the address, or None."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        return f"{unquote(parts.username)}:{unquote(parts.password or '')}"

    @property
    def _scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def _place(self) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if ":" in host:
            host = f"[{host}]"
        return f"{host}:{parts.port or _PORTS[parts.scheme]}"
