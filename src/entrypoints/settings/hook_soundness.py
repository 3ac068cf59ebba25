"""What is wrong with the settings of hooks, of which every value is fine by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entrypoints.settings.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entrypoints.settings.model import Hook, Settings

_EXAMPLE = 'Write an address such as "http://localhost:9000/ready", or null for none.'


def hook_problems(settings: Settings, where: Callable[[str], str]) -> Iterator[Problem]:
    """Every problem.

    Args:
        settings: all of them.
        where: the place of a key, for people.
    """
    hooks = settings.hooks
    for name, hook in (("published", hooks.published), ("error", hooks.error)):
        yield from _of_one(f"hooks.{name}", hook, where)


def _of_one(name: str, hook: Hook, where: Callable[[str], str]) -> Iterator[Problem]:
    key = f"{name}.command"
    if hook.command and not hook.command[0].strip():
        fix = 'Write the program first, such as ["/usr/local/bin/announce"], or [] for none.'
        yield Problem(where(key), f"{key} begins with an empty word", fix, key)
    key = f"{name}.webhook"
    if hook.webhook is not None and (complaint := _complaint(hook.webhook)):
        # The address itself is not shown: it may hold what only the receiver should know.
        yield Problem(where(key), f"{key} {complaint}", _EXAMPLE, key)


def _complaint(address: str) -> str | None:
    if not address.isascii() or not address.isprintable() or " " in address:
        return "holds spaces or letters beyond ASCII, which an address has in encoded form"
    try:
        parts = urlsplit(address)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError as error:  # UnicodeError is one
        return f"is not an address: {error}"
    if parts.scheme not in {"http", "https"}:
        return "is not an address that begins with http:// or https://"
    if not host or port == 0:
        return "names no host" if not host else "names port 0, where nobody listens"
    if "@" in parts.netloc:
        return "has a user name in front of the host; a receiver knows us by the signature"
    return None
