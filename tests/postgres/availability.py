"""Skips tests that need PostgreSQL if there is none, and reports them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from tests.postgres.server import BINARIES, find_binaries

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED: Final = "MEDIAGEN_REQUIRE_POSTGRES"
_WITHOUT: Final = "no {program} was found"
_MARK: Final = "no PostgreSQL was found"
_ADVICE: Final = f"""\
Nothing was tried on PostgreSQL, because its programs were not found. To get them:
  Debian, Ubuntu   sudo apt-get install postgresql pgbouncer
  Fedora           sudo dnf install postgresql-server pgbouncer
  macOS            brew install postgresql@17 pgbouncer
or name the folder of those that are there: {BINARIES}=/path/to/bin make test"""


def needed_binaries() -> Path:
    """The programs' folder; without one the test is skipped, or fails if it is required."""
    return find_binaries() or _missing("PostgreSQL")


def needed_pgbouncer() -> str:
    """The program; without one the test is skipped, or fails if PostgreSQL is required."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("pgbouncer", path=path) or _missing("PgBouncer")


def _missing(program: str) -> NoReturn:
    message = _WITHOUT.format(program=program)
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{message}, and {REQUIRED}=1 says that there must be one", pytrace=False)
    pytest.skip(message)


def summarise(reporter: pytest.TerminalReporter) -> None:
    """Report prominently how many tests were skipped without PostgreSQL."""
    skipped = [each for each in reporter.stats.get("skipped", ()) if _MARK in str(each.longrepr)]
    if skipped:
        title = f"{len(skipped)} TESTS OF POSTGRESQL WERE SKIPPED"
        reporter.section(title, sep="!", yellow=True, bold=True)
        reporter.line(_ADVICE, yellow=True)
