"""Runs in the middle of a render, and runs that were killed there."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tests.acceptance.mediagen import Installation, image, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@contextmanager
def mid_render(
    place: Installation, script: str = "waits.py", *, prompts: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """A run that renders the first of so many pictures of a lake, with a script that waits.

    Args:
        place: has no prompts yet.
        script: says that it began; ``waits.py`` then goes on when the place says ``go``.
        prompts: how many there are.
    """
    place.use(script)
    for _ in range(prompts):
        place.poet.write(image("a lake"))
    with place.started("run") as process:
        place.begun(process)
        yield process


def kill(process: subprocess.Popen[str]) -> None:
    """As the system does when memory runs out, or a power cut does."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=90)


def killed_mid_render(place: Installation, script: str = "waits.py") -> int:
    """Kill a run in the middle of its only render; gives the workflow that outlives it."""
    with mid_render(place, script) as process:
        kill(process)
    [asked] = place.asked()
    orphan: int = asked["pid"]
    return orphan


def killed_before_publication(place: Installation) -> str:
    """Kill a run between the rename of its folder and the commit of its row; gives the file."""
    with (
        mid_render(place) as process,
        closing(sqlite3.connect(place.database, isolation_level=None)) as browser,
    ):
        browser.execute("BEGIN IMMEDIATE")  # nobody can commit now
        place.go()
        until(place.published)
        kill(process)
        browser.rollback()
    [file] = place.published()
    return file
