"""Clocks that are wrong."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import WAY
from tests.chaos.hand import FoundError
from tests.chaos.poet import write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.place import Place

_HOUR = 3600.0
_UNHURRIED = 30.0  # seconds of a lease: on a busy machine half a second may really run out
_TAKEN_OVER = """
SELECT count(*) FROM media_generator_renders WHERE outcome IN ('abandoned', 'superseded')
"""


def clock_faults() -> dict[str, Fault]:
    """Wall clocks an hour apart."""
    return {"wall clocks wrong by an hour": Fault(_an_hour_apart)}


def _an_hour_apart(place: Place, chance: random.Random) -> int:
    """Two living workers take nothing from each other; then one whose clock is wrong dies."""
    worker(place, until_quiet=True).wait()
    write_one(place.database, "first slow")
    write_one(place.database, "second slow", song=True)
    before = _taken_over(place)
    hands = [
        worker(place, clock_error=error, lease_seconds=_UNHURRIED) for error in (_HOUR, -_HOUR)
    ]
    for hand in hands:
        hand.wait()
    if _taken_over(place) != before:
        raise FoundError("a worker took over from a living one whose clock was wrong")
    write_one(place.database, "third")
    error = chance.choice((_HOUR, -_HOUR))
    deaths = worker(place, chance.choice(WAY), clock_error=error).wait().killed
    worker(place, clock_error=-error).wait()
    return deaths


def _taken_over(place: Place) -> int:
    with closing(open_database(place.database)) as driver:
        [(count,)] = driver.execute(_TAKEN_OVER).fetchall()
    return int(count)
