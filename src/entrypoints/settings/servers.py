"""Which ComfyUI servers the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from entrypoints.settings.model import ComfyUI


@dataclass(frozen=True, slots=True)
class ServerHost:
    """One server.

    Attributes:
        url: its address without a slash at the end.
        slots: how many jobs of ours it is given at the same time.
        kinds: that it renders.
    """

    url: str
    slots: int
    kinds: frozenset[Kind]


def server_hosts(comfyui: ComfyUI) -> tuple[ServerHost, ...]:
    """Those of comfyui.hosts, or the one of comfyui.host; the values have been checked."""
    hosts = comfyui.hosts or (comfyui.host,)
    return tuple(_host({"url": each} if isinstance(each, str) else each) for each in hosts)


def _host(given: dict[str, str | int | tuple[str, ...]]) -> ServerHost:
    slots, kinds = given.get("slots", 1), given.get("kinds", ())
    named = frozenset(map(Kind, kinds)) if isinstance(kinds, tuple) else frozenset[Kind]()
    url = str(given["url"]).rstrip("/")
    return ServerHost(url, slots if isinstance(slots, int) else 1, named or frozenset(Kind))
