"""Skips tests that need Ray and namespaces if there are none, and reports them."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from typing import Final

import pytest

REQUIRED: Final = "MEDIAGEN_REQUIRE_RAY"
WITHOUT: Final = "rendering on a Ray cluster was not tried"
_ADVICE: Final = f"""\
Nothing was rendered on a Ray cluster: Ray is not installed (`make slow` does that), or this system
refuses a network namespace, without which Ray would listen on all interfaces (unshare(1), Linux).
{REQUIRED}=1 makes these tests fail instead."""

# A user without privileges gets them in a user namespace, if the system allows that.
_UNSHARE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_WAYS = (_UNSHARE, (*_UNSHARE, "--map-root-user"))


def namespace() -> tuple[tuple[str, ...], str]:
    """A command that runs another one in a namespace; or none, and why Ray cannot be used."""
    if find_spec("ray") is None:
        return (), "Ray is not installed"
    if shutil.which("unshare") is None:
        return (), "there is no program unshare"
    for way in _WAYS:
        tried = subprocess.run([*way, "true"], capture_output=True, text=True, check=False)  # noqa: S603
        if tried.returncode == 0:
            return way, ""
    return (), "the system refuses a namespace"


def needed_namespace() -> tuple[str, ...]:
    """A command that runs another one in a namespace; skips or fails without it or Ray."""
    way, reason = namespace()
    if way:
        return way
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1 says that it is needed", pytrace=False)
    pytest.skip(f"{WITHOUT}: {reason}")


def summarise(reporter: pytest.TerminalReporter) -> None:
    """Report prominently that tests were skipped, and why."""
    skipped = [each for each in reporter.stats.get("skipped", ()) if WITHOUT in str(each.longrepr)]
    if skipped:
        reporter.section("THE TESTS OF RAY WERE SKIPPED", sep="!", yellow=True, bold=True)
        reporter.line(_ADVICE, yellow=True)
