"""The system's Chromium: where it is and how it is started."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

CHOSEN: Final = "MEDIAGEN_CHROMIUM"
PATIENCE: Final = 60_000  # milliseconds, for actions that take one or two on a quiet machine
_NAMES: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_ARGUMENTS: Final = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The program: the value of MEDIAGEN_CHROMIUM, or the first one that is installed.

    Raises:
        FileNotFoundError: MEDIAGEN_CHROMIUM names something that is no program.
    """
    if chosen := os.environ.get(CHOSEN):
        if found := shutil.which(chosen):
            return found
        raise FileNotFoundError(f"{CHOSEN} is {chosen!r}, which is no program")
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A headless browser, closed at the end of the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (imported without a browser)

    with sync_playwright() as playwright:
        browser = _launched(playwright, program)
        try:
            yield browser
        finally:
            browser.close()


def _launched(playwright: Playwright, program: str) -> Browser:
    """With its sandbox where that is possible: not as root, nor in many containers."""
    from playwright.sync_api import Error  # noqa: PLC0415

    def launch(*, sandbox: bool) -> Browser:
        return playwright.chromium.launch(
            executable_path=program,
            args=list(_ARGUMENTS),
            chromium_sandbox=sandbox,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    if os.geteuid() == 0:
        return launch(sandbox=False)
    try:
        return launch(sandbox=True)
    except Error:
        return launch(sandbox=False)
