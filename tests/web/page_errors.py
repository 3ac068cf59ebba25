"""Records errors of a page, so that tests can require that there are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# Few pictures and songs are opened at a time; the server asks other clients to come again later.
_BUSY = re.compile(r".* 503 .*\(https?://[^/]+(?:/media)?/api/(?:media|v1/peaks)/")
_LOCAL = frozenset({"data", "blob", "about"})


def record_errors(context: BrowserContext, url: str, troubles: list[str]) -> Callable[[], None]:
    """Record errors in the pages of a context from now on; returns a function that ends it.

    Args:
        context: the browser's context.
        url: the site's address; requests to others are errors.
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
