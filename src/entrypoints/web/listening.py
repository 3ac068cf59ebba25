"""Where the server listens, or why it cannot."""

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

    from entrypoints.settings.loading import LoadedSettings

_MOST: Final = 512  # connections, where the system lets us open so many files
_FEWEST: Final = 32
_KNOCK_SECONDS: Final = 0.3
_AIRPLAY: Final = (
    "On a Mac, port 5000 often belongs to AirPlay (System Settings, General, AirDrop & Handoff,"
    " AirPlay Receiver), or to the web backend that is there already. "
)


def listening_sockets(loaded: LoadedSettings) -> list[socket.socket]:
    """Bound sockets for every address of ``web.host``; port 0 takes one that is free.

    Raises:
        SettingsError: nothing can be served there; it says why.
    """
    try:
        return _sockets(loaded.settings.web.host, loaded.settings.web.port)
    except _Unservable as reason:
        key, what, fix = reason.args
        problem = Problem(str(loaded.provenance[key]), what, fix, key)
        raise SettingsError([problem]) from None


class _Unservable(Exception):  # noqa: N818 - the reason, which becomes a SettingsError
    """A setting's key, what is wrong with it, and what to do."""


def _sockets(host: str, port: int) -> list[socket.socket]:
    addresses = list(dict.fromkeys(_addresses(host, port)))
    if port and any(_answers(address, port) for address in ("127.0.0.1", "::1")):
        raise _taken(host, port)
    bound: list[socket.socket] = []
    trouble: OSError | None = None
    for family, address in addresses:
        chosen = bound[0].getsockname()[1] if bound else port
        try:
            bound.append(_bound(family, (address[0], chosen, *address[2:])))
        except OSError as error:
            trouble = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if bound and (trouble is None or trouble.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
        return bound
    for each in bound:
        each.close()
    raise _why_not(host, port, trouble)


def is_exposed(sockets: list[socket.socket]) -> bool:
    """Whether other machines can reach one of them."""
    addresses = (str(each.getsockname()[0]).partition("%")[0] for each in sockets)
    return not all(ipaddress.ip_address(address).is_loopback for address in addresses)


def most_connections() -> int:
    """How many connections at the same time leave files enough for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = soft if soft != resource.RLIM_INFINITY else 2 * _MOST
    return max(_FEWEST, min(_MOST, files // 2))


def _addresses(host: str, port: int) -> Iterator[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        what = f"web.host is {host!r}, which is no address that is known here ({error})"
        fix = 'Use "127.0.0.1", or another address of this machine.'
        raise _Unservable("web.host", what, fix) from error
    for family, _, _, _, address in found:
        yield family, address


def _bound(family: int, address: Any) -> socket.socket:  # noqa: ANN401 - depends on the family
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(1)  # on Linux only this tells that another program listens there
    except BaseException:
        made.close()
        raise
    return made


def _answers(address: str, port: int) -> bool:
    """Whether another program listens there.

    On a Mac we could listen beside it, and whoever asks for localhost would get the other one.
    """
    with suppress(OSError), closing(socket.create_connection((address, port), _KNOCK_SECONDS)):
        return True
    return False


def _taken(host: str, port: int) -> _Unservable:
    airplay = _AIRPLAY if sys.platform == "darwin" or port == 5000 else ""  # noqa: PLR2004
    what = f"port {port} of {host} is taken by another program"
    fix = f"{airplay}Take another one: --port {port + 1 if port < 65535 else 5001}, or web.port."  # noqa: PLR2004
    return _Unservable("web.port", what, fix)


def _why_not(host: str, port: int, error: OSError | None) -> _Unservable:
    if error is not None and error.errno == errno.EADDRINUSE:
        return _taken(host, port)
    reason = (error and error.strerror) or error or "no address"
    what = f"nothing can be served at {host}:{port}: {reason}"
    if error is not None and error.errno == errno.EACCES:
        return _Unservable("web.port", what, "Ports below 1024 are the system's: take 5001.")
    fix = 'Let web.host be an address of this machine, such as "127.0.0.1".'
    return _Unservable("web.host", what, fix)
