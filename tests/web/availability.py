"""Skips tests that need a browser if there is none, and reports them."""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.web.chromium import CHOSEN, find_chromium

REQUIRED: Final = "MEDIAGEN_REQUIRE_BROWSER"
WITHOUT: Final = "no Chromium was found"
_ADVICE: Final = f"""\
The page was not looked at in a browser, because {WITHOUT}. To get one:
  Debian, Ubuntu   sudo apt-get install chromium
  Fedora           sudo dnf install chromium
  macOS            brew install --cask chromium    (Google Chrome will do, too)
or name the program of one that is there: {CHOSEN}=/path/to/chromium make test"""


def needed_chromium() -> str:
    """The path of Chromium; without one the test is skipped, or fails if a browser is required."""
    found = find_chromium()
    if found is not None:
        return found
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{WITHOUT}, and {REQUIRED}=1 says that there must be one", pytrace=False)
    pytest.skip(WITHOUT)


def summarise(reporter: pytest.TerminalReporter) -> None:
    """Report prominently how many tests were skipped without a browser, and how to get one."""
    skipped = [each for each in reporter.stats.get("skipped", ()) if WITHOUT in str(each.longrepr)]
    if skipped:
        title = f"{len(skipped)} TESTS OF THE PAGE WERE SKIPPED"
        reporter.section(title, sep="!", yellow=True, bold=True)
        reporter.line(_ADVICE, yellow=True)
