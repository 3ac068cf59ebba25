"""Volumes that another program fills up."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, long_enough
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt
from tests.chaos.process import ViolationError
from tests.chaos.volume import can_mount, fill, make_room
from tests.chaos.worker import DATABASE_UNUSABLE, STOPPED

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

_VOLUMES: dict[str, tuple[str, ...]] = {
    "the output": ("output",),
    "the database": ("database",),
    "both": ("output", "database"),
}
_WORDS = ("first pair", "first careless", "first slow grandchild")


def disk_faults() -> dict[str, Fault]:
    """None where this user may not mount a volume."""
    if not can_mount():
        return {}
    return {
        f"disk full under {what}": Fault(_filled(on_small), on_small)
        for what, on_small in _VOLUMES.items()
    }


def _filled(on_small: tuple[str, ...]) -> Action:
    """The volume fills up in mid-render; another worker meets it full, or dies of something else.

    No prompt may fail for that; the examination after the undisturbed drain sees to it.
    """

    def action(installation: Installation, rng: random.Random) -> int:
        assert installation.small is not None
        step = rng.choice(STOPPING)
        add_prompt(installation.database, long_enough(rng.choice(_WORDS), step))
        add_prompt(installation.database, "second", song=True)
        slept = start_worker(installation, step, stops=True)
        if not slept.wait_for_stop():
            return slept.killed
        fill(installation.small)
        try:
            if rng.random() < 1 / 3:
                slept.kill()
            slept.resume()
            _must_have_paused(installation, slept.wait().code, on_small)
            successor = start_worker(installation, rng.choice(("", *STOPPING))).wait()
            _must_have_paused(installation, successor.code, on_small)
        finally:
            make_room(installation.small)
        return slept.killed + successor.killed

    return action


def _must_have_paused(
    installation: Installation, code: int | None, on_small: tuple[str, ...]
) -> None:
    """A worker that was not killed stopped, and left the reason where it could be written."""
    if code is None:
        return
    if "database" in on_small:
        if code not in {0, STOPPED, DATABASE_UNUSABLE}:
            raise ViolationError(f"a worker on a full disk ended with code {code}")
        return
    with closing(open_database(installation.database)) as driver:
        paused = set(driver.execute("SELECT code FROM media_generator_pauses").fetchall())
    if code != STOPPED or paused != {("disk_full",)}:
        raise ViolationError(f"a worker on a full disk ended with code {code}, pause {paused}")
