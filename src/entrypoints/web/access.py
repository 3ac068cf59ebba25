"""The names under which the server is reached, and the tokens that it accepts."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import dataclass, field
from logging import getLogger
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from entrypoints.settings.model import Web

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
COOKIE: Final = "mediagen_session"
REPORT_INTERVAL: Final = 10.0  # seconds from one report of rejected tokens to the next
_UNSPECIFIED: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


class RejectedTokens:
    """Reports wrong access tokens, at most once in ten seconds. Safe from any thread.

    Args:
        report: called with where a token was ("login form", "bearer token" or "cookie"), the
            address that the last one came from, and how many there were since the last report.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        report: Callable[[str, str, int], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._now = now
        self._lock = Lock()
        self._count = 0
        self._reported_at = float("-inf")

    def add(self, place: str, address: str) -> None:
        """Count a wrong token, and report it if the last report is old enough."""
        with self._lock:
            self._count += 1
            if self._now() - self._reported_at < REPORT_INTERVAL:
                return
            count, self._count = self._count, 0
            self._reported_at = self._now()
        self._report(place, address, count)


def warn_of_rejected_token(place: str, address: str, count: int) -> None:
    """Report wrong access tokens on standard error."""
    total = f"; {count} since the last message" if count > 1 else ""
    getLogger("mediagen.web").warning(
        "warning: a wrong access token from %s (%s)%s", address, place, total
    )


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must carry to be answered.

    Attributes:
        names: hosts under which the server may be addressed, in lower case.
        any_address: whether any bare IP address is such a host too. A page elsewhere can make a
            browser reach us under a name of its own (DNS rebinding), never under an address.
        origins: of the public URLs, as browsers send them: "https://gallery.example".
        front_end: the origin of another page that may use the API from a browser, or None.
        cookie: name of a logged-in browser's cookie. Browsers send a cookie to all ports of a host,
            so servers at several ports need different names.
        rejected: takes note of wrong tokens.
        token: that every request must carry, or None when none is needed.
        csrf: that every change must carry; new with each start.
    """

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False
    origins: frozenset[str] = frozenset()
    front_end: str | None = None
    cookie: str = COOKIE
    rejected: RejectedTokens = field(default_factory=lambda: RejectedTokens(warn_of_rejected_token))
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

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a request came from a page of this server, judged by Origin and Host headers.

        Where the public URL has https, a page that came by plain http is another one.
        """
        if origin in self.origins:
            return True
        return origin == f"http://{host}" and f"https://{host}" not in self.origins

    def is_secure(self, origin: str | None, host: str) -> bool:
        """Whether the browser reached this server by https; ``origin`` has been checked before.

        What a proxy says of it is not used: anything could say so.
        """
        reached = origin or f"https://{host}"
        return reached.startswith("https://") and reached in self.origins

    def cookie_name(self, *, secure: bool) -> str:
        """The name of the cookie by https or by http.

        A browser lets no page that came by http replace a cookie that was set by https.
        """
        return f"__Secure-{self.cookie}" if secure else self.cookie

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


def access_for(
    web: Web,
    machine: str,
    port: int,
    report: Callable[[str, str, int], None] = warn_of_rejected_token,
) -> Access:
    """Access to a server with these settings.

    Args:
        web: the settings.
        machine: host name of this machine.
        port: at which the server listens.
        report: reports wrong tokens, called as ``RejectedTokens`` says.
    """
    name = web.host.strip("[]").lower()
    names = LOOPBACK_NAMES | {name}
    if any_address := not is_loopback(name):
        own = machine.lower()
        names |= {own, f"{own.partition('.')[0]}.local"}
    public = [urlsplit(url) for url in web.public_urls]
    return Access(
        frozenset(names - _UNSPECIFIED | {url.hostname or "" for url in public}),
        any_address,
        frozenset(map(origin_of, web.public_urls)),
        origin_of(web.cors_origin) if web.cors_origin else None,
        f"{COOKIE}_{port}",
        RejectedTokens(report),
        web.token,
    )


def origin_of(url: str) -> str:
    """The origin of a valid URL as browsers send it: in lower case, without the usual port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def base_path(web: Web) -> str:
    """The path below which everything is served: "" for none, or as in "/media"."""
    path = (web.base_path or "").strip("/")
    return f"/{path}" if path else ""


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
