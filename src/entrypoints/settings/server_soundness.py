"""What is wrong with the servers that are named, of which every value is fine by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from domain.kind import Kind
from entrypoints.settings.disclosure import found
from entrypoints.settings.errors import Problem
from entrypoints.settings.suggestions import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from entrypoints.settings.model import Settings

_HOSTS: Final = "comfyui.hosts"
_KNOWN: Final = ("url", "slots", "kinds")
_MOST_SLOTS: Final = 64
_EXAMPLE: Final = 'Write {"url": "http://gpu1:8188", "slots": 1, "kinds": ["image", "audio"]}.'


def server_problems(settings: Settings, where: Callable[[str], str]) -> Iterator[Problem]:
    """Every problem.

    Args:
        settings: all of them.
        where: the place of a key, for people.
    """
    seen: set[str] = set()
    for number, host in enumerate(settings.comfyui.hosts, start=1):
        given = {"url": host} if isinstance(host, str) else host
        for what, fix in _faults(given, seen):
            yield Problem(where(_HOSTS), f"{_HOSTS}, entry {number}: {what}", fix, _HOSTS)
    renderers = settings.media.renderer
    for kind, chosen in (("image", renderers.image), ("audio", renderers.audio)):
        if chosen != "server":
            continue
        key = "comfyui.host"
        if not settings.comfyui.hosts and (fault := _address_fault(settings.comfyui.host)):
            yield Problem(where(key), f"{key} {fault}", "Write http://127.0.0.1:8188.", key)
        workflow = getattr(settings.media.workflows, kind)
        if workflow is None:
            name = f"media.workflows.{kind}"
            what = f'media.renderer.{kind} is "server", but {name} is not set'
            fix = (
                "Export the workflow in ComfyUI (Export (API)) and name the file there, or begin"
                " with one of 'mediagen workflow example'."
            )
            yield Problem(where(f"media.renderer.{kind}"), what, fix, name)
        yield from _nobody_for(kind, settings, where)


def _nobody_for(kind: str, settings: Settings, where: Callable[[str], str]) -> Iterator[Problem]:
    hosts = settings.comfyui.hosts
    if hosts and not any(isinstance(h, str) or kind in h.get("kinds", tuple(Kind)) for h in hosts):  # type: ignore[operator]
        what = f'media.renderer.{kind} is "server", but no entry of {_HOSTS} has the kind "{kind}"'
        yield Problem(where(_HOSTS), what, 'Add it to "kinds", or leave "kinds" out.', _HOSTS)


def _faults(given: Mapping[str, object], seen: set[str]) -> Iterator[tuple[str, str]]:
    for name in given:
        if name not in _KNOWN:
            yield f'"{name}" is not known there', choose(name, _KNOWN)
    url = given.get("url")
    if not isinstance(url, str):
        yield "it has no url", _EXAMPLE
    elif what := _address_fault(url):
        yield f"the url {what}", _EXAMPLE
    elif url.rstrip("/") in seen:
        yield f"{found('url', url)} stands there twice", 'Raise its "slots" instead.'
    else:
        seen.add(url.rstrip("/"))
    slots = given.get("slots", 1)
    if isinstance(slots, bool) or not isinstance(slots, int) or not 1 <= slots <= _MOST_SLOTS:
        yield f"slots is {found('slots', slots)}", f"Write a whole number from 1 to {_MOST_SLOTS}."
    kinds = given.get("kinds", tuple(Kind))
    if not isinstance(kinds, tuple) or not kinds or not set(kinds) <= set(Kind):
        yield f"kinds is {found('kinds', kinds)}", 'Write a list of "image" and "audio".'


def _address_fault(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"is {found('url', url)}, which is no address"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return f"is {found('url', url)}, which is no address of a server"
    if parts.username or parts.password:
        return "holds a name or a password, which would stand in every row"
    if parts.query or parts.fragment:
        return f"is {found('url', url)}, which has more than a host, a port and a path"
    return None
