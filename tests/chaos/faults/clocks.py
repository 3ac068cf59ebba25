"""Clocks that are wrong."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import WAY
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt
from tests.chaos.process import ViolationError

if TYPE_CHECKING:
    import random

    from tests.chaos.installation import Installation

_HOUR = 3600.0
_UNHURRIED = 30.0  # seconds of a lease: on a busy machine half a second may really run out
_TAKEN_OVER = """
SELECT count(*) FROM media_generator_renders WHERE outcome IN ('abandoned', 'superseded')
"""


def clock_faults() -> dict[str, Fault]:
    """Wall clocks an hour apart."""
    return {"wall clocks wrong by an hour": Fault(_an_hour_apart)}


def _an_hour_apart(installation: Installation, rng: random.Random) -> int:
    """Two living workers take nothing from each other; then one whose clock is wrong dies."""
    start_worker(installation, until_quiet=True).wait()
    add_prompt(installation.database, "first slow")
    add_prompt(installation.database, "second slow", song=True)
    before = _taken_over(installation)
    processes = [
        start_worker(installation, clock_error=error, lease_seconds=_UNHURRIED)
        for error in (_HOUR, -_HOUR)
    ]
    for process in processes:
        process.wait()
    if _taken_over(installation) != before:
        raise ViolationError("a worker took over from a living one whose clock was wrong")
    add_prompt(installation.database, "third")
    error = rng.choice((_HOUR, -_HOUR))
    deaths = start_worker(installation, rng.choice(WAY), clock_error=error).wait().killed
    start_worker(installation, clock_error=-error).wait()
    return deaths


def _taken_over(installation: Installation) -> int:
    with closing(open_database(installation.database)) as driver:
        [(count,)] = driver.execute(_TAKEN_OVER).fetchall()
    return int(count)
