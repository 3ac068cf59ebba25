"""What goes wrong in a page: told as a list, so that a test can say that nothing did."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# Few pictures and songs are opened at a time; whoever is told to come again does.
_BUSY = re.compile(r".* 503 .*\(https?://[^/]+(?:/media)?/api/(?:media|v1/peaks)/")
_LOCAL = frozenset({"data", "blob", "about"})


def watch(context: BrowserContext, url: str, troubles: list[str]) -> Callable[[], None]:
    """Note whatever goes wrong in the pages of a context, beginning now; gives what ends it.

    Args:
        context: of a browser.
        url: of the site; nothing else may be asked for anything.
        troubles: where errors of scripts, of the console (those of the content security policy
            and of failed requests are among them) and requests to other hosts are added.
    """

    def say(line: ConsoleMessage) -> None:
        said = f"console: {line.text} ({line.location.get('url')})"
        if line.type in {"error", "warning"} and not _BUSY.match(said):
            troubles.append(said)

    def raised(error: WebError) -> None:
        troubles.append(f"script: {error.error}")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _LOCAL and f"{parts.scheme}://{parts.netloc}" != url:
            troubles.append(f"a request to another host: {request.url}")

    context.on("console", say)
    context.on("weberror", raised)
    context.on("request", asked)

    def forget() -> None:
        context.remove_listener("console", say)
        context.remove_listener("weberror", raised)
        context.remove_listener("request", asked)

    return forget
