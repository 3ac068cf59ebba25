"""The ComfyUI servers of ``comfyui.hosts``: their fields, their logins, and their addresses.

A login comes from the environment (``$VAR``) or from a file (``@path``), so that the configuration
file need not hold it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import urlsplit

from domain.prompt import Kind
from entrypoints.settings.expansion import expand_path, expand_secret
from entrypoints.settings.redaction import excerpt
from entrypoints.settings.schema import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.settings.model import ComfyUI

Host: TypeAlias = "Mapping[str, object]"

HOSTS: Final = "comfyui.hosts"
_FIELDS: Final = (
    *("url", "slots", "kinds", "workflows", "token", "user", "password", "headers", "ca_file"),
)
_SECRETS: Final = ("token", "user", "password")
_EXAMPLE: Final = 'Write {"url": "http://gpu1:8188", "slots": 1, "kinds": ["image", "audio"]}.'
_HEADERS_EXAMPLE: Final = 'Write an object such as {"X-Api-Key": "$COMFYUI_KEY"}.'
_HEADER_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2
_OF_THE_CLIENT: Final = frozenset(
    {"connection", "content-length", "content-type", "host", "origin", "transfer-encoding"}
)
_MAX_SLOTS: Final = 64


def expand_hosts(
    hosts: Sequence[object], anchor: Path, environ: Mapping[str, str]
) -> tuple[object, ...]:
    """The hosts with logins read from environment and files, and absolute paths.

    Args:
        hosts: addresses and objects.
        anchor: the folder that relative paths start from.
        environ: the environment.

    Raises:
        ExpansionError: a variable is not set, or a file cannot be read.
    """

    def secret(value: object) -> object:
        return expand_secret(value, anchor, environ) if isinstance(value, str) else value

    def expanded(host: object) -> object:
        if not isinstance(host, dict):
            return host
        host = {name: secret(value) if name in _SECRETS else value for name, value in host.items()}
        if isinstance(headers := host.get("headers"), dict):
            host["headers"] = {name: secret(value) for name, value in headers.items()}
        if isinstance(ca_file := host.get("ca_file"), str):
            host["ca_file"] = str(anchor / expand_path(ca_file, environ))
        if isinstance(kinds := host.get("kinds"), tuple):
            names = [str(kind) for kind in kinds]
            host["kinds"] = tuple(known.value if (known := Kind.of_name(n)) else n for n in names)
        return host

    return tuple(map(expanded, hosts))


def server_addresses(
    comfyui: ComfyUI, kinds: Iterable[Kind] = tuple(Kind)
) -> tuple[ServerAddress, ...]:
    """The servers of comfyui.hosts, or the one of comfyui.host; their values are valid.

    Args:
        comfyui: the settings.
        kinds: the kinds that are asked for; a server that renders none of them is left out.
    """
    # Imported here, since every command reads the settings.
    from adapters.comfyui_server.address import ServerAddress

    chosen = frozenset(kinds)
    hosts: Sequence[str | Host] = comfyui.hosts or (comfyui.host,)
    addresses = [_address({"url": host} if isinstance(host, str) else host) for host in hosts]
    return tuple(
        ServerAddress(a.url, a.slots, a.kinds & chosen, a.headers, a.ca_file, a.workflows)
        for a in addresses
        if a.kinds & chosen
    )


def _address(host: Host) -> ServerAddress:
    from adapters.comfyui_server.address import ServerAddress, basic_login

    headers = dict(cast("Mapping[str, str]", host.get("headers", {})))
    if token := host.get("token"):
        headers["Authorization"] = f"Bearer {token}"
    elif user := host.get("user"):
        headers["Authorization"] = basic_login(str(user), str(host.get("password", "")))
    return ServerAddress(
        str(host["url"]).rstrip("/"),
        cast("int", host.get("slots", 1)),
        frozenset(map(Kind, cast("Sequence[str]", host.get("kinds", tuple(Kind))))),
        headers,
        cast("str | None", host.get("ca_file")),
        frozenset(cast("Sequence[str]", host.get("workflows", ()))),
    )


def host_faults(hosts: Sequence[str | Host]) -> Iterator[tuple[str, str]]:
    """What is wrong with comfyui.hosts, and what to do, in whole sentences. Holds no secret."""
    seen: set[str] = set()
    for number, entry in enumerate(hosts, start=1):
        host = {"url": entry} if isinstance(entry, str) else entry
        for what, fix in (*_common_faults(host, seen), *_login_faults(host)):
            yield f"{HOSTS}, entry {number}: {what}", fix


def _common_faults(host: Host, seen: set[str]) -> Iterator[tuple[str, str]]:
    for name in host:
        if name not in _FIELDS:
            yield f'"{name}" is not known there', suggestion(name, _FIELDS)
    url = host.get("url")
    if not isinstance(url, str):
        yield "it has no url", _EXAMPLE
    elif what := server_address_fault(url):
        fix = 'Write "user" and "password" beside the url.' if "@" in url else _EXAMPLE
        yield f"the url {what}", fix
    elif url.rstrip("/") in seen:
        yield f"{excerpt('url', url)} is listed twice", 'Raise its "slots" instead.'
    else:
        seen.add(url.rstrip("/"))
    slots = host.get("slots", 1)
    if isinstance(slots, bool) or not isinstance(slots, int) or not 1 <= slots <= _MAX_SLOTS:
        yield f"slots is {excerpt('slots', slots)}", f"Write a whole number from 1 to {_MAX_SLOTS}."
    kinds = host.get("kinds", tuple(Kind))
    if not isinstance(kinds, tuple) or not kinds or not set(kinds) <= set(Kind):
        yield f"kinds is {excerpt('kinds', kinds)}", 'Write a list of "image" and "audio".'
    yield from names_faults(host)


def names_faults(entry: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is wrong with the "workflows" of an entry, and what to do."""
    names = entry.get("workflows", ("",))
    if not isinstance(names, tuple) or not names or not all(isinstance(n, str) for n in names):
        what = f"workflows is {excerpt('workflows', names) if names else 'an empty list'}"
        yield what, 'Write a list of names of workflows such as ["photo"], or leave it out.'


def _login_faults(host: Host) -> Iterator[tuple[str, str]]:
    for name in (*_SECRETS, "ca_file"):
        value = host.get(name, "x")
        if not isinstance(value, str) or not value.strip():
            yield f"{name} is not a text, or is empty", f'Write a text, or leave "{name}" out.'
        elif name == "token" and not _is_header_value(value):
            yield f"{name} holds a character that an HTTP header cannot carry", "Check its source."
    headers = host.get("headers", {})
    if not isinstance(headers, dict):
        yield f"headers is {excerpt('headers', headers)}", _HEADERS_EXAMPLE
        headers = {}
    yield from _header_faults(headers)
    logins = [name for name in ("token", "user") if name in host]
    logins += [name for name in headers if name.lower() == "authorization"]
    if len(logins) > 1:
        yield f"{' and '.join(logins)} are both logins", "Keep one of them."
    if "password" in host and "user" not in host:
        yield "it has a password and no user", 'Add "user", or leave "password" out.'
    if ":" in str(host.get("user", "")):
        yield "user holds a colon, which a login cannot carry", "Use a name without one."
    if isinstance(ca_file := host.get("ca_file"), str) and ca_file.strip():
        yield from _ca_file_faults(ca_file)


def _header_faults(headers: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if not re.fullmatch(_HEADER_NAME, name) or name.lower() in _OF_THE_CLIENT:
            yield f"{excerpt('header', name)} cannot be set as a header", _HEADERS_EXAMPLE
        elif not _is_header_value(value):
            what = f"the value of the header {name} is empty, or one that a header cannot carry"
            yield what, _HEADERS_EXAMPLE


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isascii() and value.isprintable()


def _ca_file_faults(path: str) -> Iterator[tuple[str, str]]:
    import ssl  # costs as much as all other imports of the settings

    fix = "Name a file with one or more certificates in PEM format."
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        yield f"ca_file, {path}, holds no certificate", fix
    except OSError as error:
        yield f"ca_file, {path}, cannot be read ({error.strerror})", fix


def address_fault(address: str) -> str | None:
    """Why a text is not an HTTP address. Never quotes it: it may hold a password."""
    try:
        parts = urlsplit(address)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError as error:  # UnicodeError is one
        return f"is not an address: {error}" if address.isascii() else "is not an address"
    if parts.scheme not in {"http", "https"}:
        return "is not an address that begins with http:// or https://"
    if not host or port == 0:
        return "names no host" if not host else "names port 0, on which nothing can listen"
    if "@" in parts.netloc:
        return "holds a user name or a password, which are not supported and would be shown"
    return None


def server_address_fault(url: str) -> str | None:
    """Why a text is not the address of a ComfyUI server, or None. Never quotes a login."""
    if fault := address_fault(url):
        return fault
    if "?" in url or "#" in url:
        return f"is {excerpt('url', url)}, which has more than a host, a port and a path"
    return None
