"""Volumes that are filled up by somebody else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, long_enough
from tests.chaos.hand import FoundError
from tests.chaos.poet import write_one
from tests.chaos.volume import can_mount, fill, make_room
from tests.chaos.worker import DATABASE_UNUSABLE, STOPPED

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place

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


def _filled(on_small: tuple[str, ...]) -> Deed:
    """The volume fills up in mid-render; another worker meets it full, or dies of something else.

    No prompt may fail for that; the examination after the undisturbed drain sees to it.
    """

    def deed(place: Place, chance: random.Random) -> int:
        assert place.small is not None
        step = chance.choice(STOPPING)
        write_one(place.database, long_enough(chance.choice(_WORDS), step))
        write_one(place.database, "second", song=True)
        slept = worker(place, step, stops=True)
        if not slept.wait_for_stop():
            return slept.killed
        fill(place.small)
        try:
            if chance.random() < 1 / 3:
                slept.kill()
            slept.go_on()
            _must_have_paused(place, slept.wait().code, on_small)
            heir = worker(place, chance.choice(("", *STOPPING))).wait()
            _must_have_paused(place, heir.code, on_small)
        finally:
            make_room(place.small)
        return slept.killed + heir.killed

    return deed


def _must_have_paused(place: Place, code: int | None, on_small: tuple[str, ...]) -> None:
    """Whoever was not killed stopped by itself, and left the reason where it could be written."""
    if code is None:
        return
    if "database" in on_small:
        if code not in {0, STOPPED, DATABASE_UNUSABLE}:
            raise FoundError(f"a worker on a full disk ended with code {code}")
        return
    with closing(open_database(place.database)) as driver:
        paused = set(driver.execute("SELECT code FROM media_generator_pauses").fetchall())
    if code != STOPPED or paused != {("disk_full",)}:
        raise FoundError(f"a worker on a full disk ended with code {code}, pause {paused}")
