"""The hosts under which the server is addressed, and the tokens that it accepts."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Final

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_UNSPECIFIED: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must carry to be answered.

    Attributes:
        names: hosts under which the server may be addressed, in lower case.
        any_address: whether any bare IP address is such a host too. A page elsewhere can make a
            browser reach us under a name of its own (DNS rebinding), never under an address.
        token: that every request must carry, or None when none is needed.
        csrf: that every change must carry; new with each start.
    """

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False
    token: str | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def knows_host(self, host: str) -> bool:
        """Whether a ``Host`` header names this server; the port is not compared.

        Behind a tunnel the port may be another one.
        """
        name = _host_name(host)
        if name is None:
            return False
        return name in self.names or (self.any_address and is_address(name))

    def is_token(self, value: str) -> bool:
        """Whether a text is the access token."""
        return self.token is not None and _is_same(value, self.token)

    @property
    def session(self) -> str:
        """The value of a logged-in browser's cookie; does not reveal the token."""
        return hmac.new(
            (self.token or "").encode(), b"mediagen session", hashlib.sha256
        ).hexdigest()

    def is_session(self, value: str) -> bool:
        """Whether a cookie is that of a logged-in browser."""
        return self.token is not None and _is_same(value, self.session)

    def is_csrf(self, value: str) -> bool:
        """Whether a text is the token that changes must carry."""
        return _is_same(value, self.csrf)


def access_for(host: str, token: str | None, machine: str) -> Access:
    """Access to a server that listens at a host."""
    name = host.strip("[]").lower()
    if is_loopback(name):
        return Access(LOOPBACK_NAMES | {name}, token=token)
    own = machine.lower()
    names = LOOPBACK_NAMES | {name, own, f"{own.partition('.')[0]}.local"}
    return Access(frozenset(names - _UNSPECIFIED), any_address=True, token=token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host, judged by its name."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def is_address(name: str) -> bool:
    """Whether a host is a bare IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(host: str) -> str | None:
    """The host without its port, in lower case; None for what is not a host."""
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        port = rest.removeprefix(":") if rest.startswith(":") else rest and "none"
        is_host = bracket and ":" in name
    else:
        name, colon, port = host.partition(":")
        is_host = name and not (colon and not port)
    if not is_host or (port and not (port.isascii() and port.isdigit())):
        return None
    return name.lower()


def _is_same(value: str, secret: str) -> bool:
    return hmac.compare_digest(value.encode("utf-8", "replace"), secret.encode())
