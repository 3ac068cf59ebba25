"""Who may ask: names under which the server is reached, and the tokens."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Final

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show.

    Attributes:
        names: hosts under which the server may be addressed, in lower case.
        any_address: whether any bare IP address is such a host too. A page elsewhere can make a
            browser reach us under a name of its own (DNS rebinding), never under an address.
        token: that every request must bring, or None when nobody is asked for one.
        csrf: that every change must bring; new with each start.
    """

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False
    token: str | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def knows_host(self, host: str) -> bool:
        """Whether a ``Host`` header names us; its port may be another's, that of a tunnel."""
        name = _name_of(host)
        if name is None:
            return False
        return name in self.names or (self.any_address and is_address(name))

    def is_token(self, given: str) -> bool:
        """Whether somebody knows the token."""
        return self.token is not None and _same(given, self.token)

    @property
    def session(self) -> str:
        """What the cookie of somebody who knew the token holds; tells nothing of the token."""
        return hmac.new(
            (self.token or "").encode(), b"mediagen session", hashlib.sha256
        ).hexdigest()

    def is_session(self, given: str) -> bool:
        """Whether that is such a cookie."""
        return self.token is not None and _same(given, self.session)

    def is_csrf(self, given: str) -> bool:
        """Whether a change comes from a page of ours."""
        return _same(given, self.csrf)


def access_for(host: str, token: str | None, machine: str) -> Access:
    """Who may ask a server that listens at a host.

    Args:
        host: as configured.
        token: as configured.
        machine: this machine's own name.
    """
    name = host.strip("[]").lower()
    if is_loopback(name):
        return Access(LOOPBACK_NAMES | {name}, token=token)
    own = machine.lower()
    names = LOOPBACK_NAMES | {name, own, f"{own.partition('.')[0]}.local"}
    return Access(frozenset(names - _EVERYWHERE), any_address=True, token=token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host, going by its name."""
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


def _name_of(host: str) -> str | None:
    """The host without its port; None for what is no host at all."""
    if host.startswith("["):
        name, closed, rest = host[1:].partition("]")
        port = rest.removeprefix(":") if rest.startswith(":") else rest and "none"
        known = closed and ":" in name
    else:
        name, colon, port = host.partition(":")
        known = name and not (colon and not port)
    if not known or (port and not (port.isascii() and port.isdigit())):
        return None
    return name.lower()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
