"""Runs that are in the middle of a render, and runs that were killed there."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tests.acceptance.mediagen import Installation, image, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@contextmanager
def mid_render(
    installation: Installation, script: str = "waits.py", *, prompts: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """A run that renders the first of several pictures of a lake, with a script that waits.

    Args:
        installation: has no prompts yet.
        script: marks when it begins; ``waits.py`` then waits for ``Installation.release``.
        prompts: number of prompts to add.
    """
    installation.use_scripts(script)
    for _ in range(prompts):
        installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        yield process


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process with SIGKILL, as the out-of-memory killer does."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=90)


def killed_mid_render(installation: Installation, script: str = "waits.py") -> int:
    """Kill a run in the middle of its only render; returns the pid of its orphaned workflow."""
    with mid_render(installation, script) as process:
        kill(process)
    [call] = installation.calls()
    orphan: int = call["pid"]
    return orphan


def killed_before_publication(installation: Installation) -> str:
    """Kill a run after it renamed its folder and before it committed its row; returns the file."""
    with (
        mid_render(installation) as process,
        closing(sqlite3.connect(installation.database, isolation_level=None)) as browser,
    ):
        browser.execute("BEGIN IMMEDIATE")  # no other program can commit now
        installation.release()
        wait_until(installation.published)
        kill(process)
        browser.rollback()
    [file] = installation.published()
    return file
