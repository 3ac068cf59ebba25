"""The sockets at which the server listens, or why it cannot."""

from __future__ import annotations

import errno
import ipaddress
import resource
import socket
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entrypoints.settings.loader import LoadedSettings

_MAX_CONNECTIONS: Final = 512  # if the system allows enough open files
_MIN_CONNECTIONS: Final = 32
_CONNECT_SECONDS: Final = 0.3
_AIRPLAY: Final = (
    "On a Mac, port 5000 often belongs to AirPlay (System Settings, General, AirDrop & Handoff,"
    " AirPlay Receiver), or to another web backend. "
)


def listening_sockets(loaded: LoadedSettings) -> list[socket.socket]:
    """Bound sockets for every address of ``web.host``; port 0 takes a free one.

    Raises:
        SettingsError: nothing can be served there; it says why.
    """
    try:
        return _sockets(loaded.settings.web.host, loaded.settings.web.port)
    except _UnusableAddressError as error:
        key, what, fix = error.args
        problem = Problem(str(loaded.provenance[key]), what, fix, key)
        raise SettingsError([problem]) from None


class _UnusableAddressError(Exception):
    """A setting's key, what is wrong with it, and what to do."""


def _sockets(host: str, port: int) -> list[socket.socket]:
    addresses = list(dict.fromkeys(_addresses(host, port)))
    if port and any(_is_taken(address, port) for address in ("127.0.0.1", "::1")):
        raise _port_taken(host, port)
    bound: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in addresses:
        chosen = bound[0].getsockname()[1] if bound else port
        try:
            bound.append(_bound(family, (address[0], chosen, *address[2:])))
        except OSError as error:
            failure = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if bound and (failure is None or failure.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
        return bound
    for listening in bound:
        listening.close()
    raise _cannot_bind(host, port, failure)


def is_exposed(sockets: list[socket.socket]) -> bool:
    """Whether other machines can reach one of them."""
    addresses = (str(listening.getsockname()[0]).partition("%")[0] for listening in sockets)
    return not all(ipaddress.ip_address(address).is_loopback for address in addresses)


def max_connections() -> int:
    """The number of simultaneous connections that leaves enough open files for everything else.

    Each takes two: its socket, and the file that it is sent.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = soft if soft != resource.RLIM_INFINITY else 3 * _MAX_CONNECTIONS
    return max(_MIN_CONNECTIONS, min(_MAX_CONNECTIONS, files // 3))


def _addresses(host: str, port: int) -> Iterator[tuple[int, Any]]:
    try:
        entries = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        what = f"web.host is {host!r}, which is not a known address ({error})"
        fix = 'Use "127.0.0.1", or another address of this machine.'
        raise _UnusableAddressError("web.host", what, fix) from error
    for family, _, _, _, address in entries:
        yield family, address


def _bound(family: int, address: Any) -> socket.socket:  # noqa: ANN401 - depends on the family
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(1)  # on Linux only this fails if another program listens there
    except BaseException:
        bound.close()
        raise
    return bound


def _is_taken(address: str, port: int) -> bool:
    """Whether another program listens there.

    On a Mac both could listen, and a browser that opens localhost would get the other one.
    """
    with suppress(OSError), closing(socket.create_connection((address, port), _CONNECT_SECONDS)):
        return True
    return False


def _port_taken(host: str, port: int) -> _UnusableAddressError:
    airplay = _AIRPLAY if sys.platform == "darwin" or port == 5000 else ""  # noqa: PLR2004
    what = f"port {port} of {host} is taken by another program"
    fix = f"{airplay}Use another one: --port {port + 1 if port < 65535 else 5001}, or web.port."  # noqa: PLR2004
    return _UnusableAddressError("web.port", what, fix)


def _cannot_bind(host: str, port: int, error: OSError | None) -> _UnusableAddressError:
    if error is not None and error.errno == errno.EADDRINUSE:
        return _port_taken(host, port)
    reason = (error and error.strerror) or error or "no address"
    what = f"nothing can be served at {host}:{port}: {reason}"
    if error is not None and error.errno == errno.EACCES:
        return _UnusableAddressError(
            "web.port", what, "Ports below 1024 are reserved for the system: use 5001."
        )
    fix = 'Set web.host to an address of this machine, such as "127.0.0.1".'
    return _UnusableAddressError("web.host", what, fix)
