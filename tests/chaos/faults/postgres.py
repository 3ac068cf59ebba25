"""A PostgreSQL server that crashes, and sessions that end, while workers are at it."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, WAY, long_enough
from tests.chaos.poet import write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place

_END = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def postgres_faults() -> dict[str, Fault]:
    """The Poets Service keeps still while the server is away."""
    named: dict[str, Deed] = {
        "server crashed while a worker sleeps": _crash_asleep,
        "server crashed at random times": _crash_any_time,
    }
    return {name: Fault(deed, alone=True, weight=3) for name, deed in named.items()} | {
        "sessions ended at random times": Fault(_end_sessions, alone=True, weight=3)
    }


def _crash(place: Place) -> None:
    assert place.postgres is not None
    place.postgres.stop(signal.SIGQUIT)
    place.postgres.start()


def _crash_asleep(place: Place, chance: random.Random) -> int:
    """A worker sleeps at a step, wakes up to other sessions, and goes on or dies."""
    step = chance.choice(STOPPING)
    write_one(place.database, long_enough("first pair", step))
    slept = worker(place, step, stops=True)
    if slept.wait_for_stop():
        _crash(place)
        if chance.random() < 1 / 3:
            slept.kill()
        else:
            slept.go_on()
    return slept.wait().killed


def _crash_any_time(place: Place, chance: random.Random) -> int:
    """Two workers, of which one may die at a step; both wait for the server and go on."""
    write_one(place.database, "first slow")
    write_one(place.database, "second", song=True)
    hands = [worker(place), worker(place, chance.choice(("", *WAY)))]
    time.sleep(chance.uniform(0.0, 0.5))
    _crash(place)
    return sum(hand.wait().killed for hand in hands)


def _end_sessions(place: Place, chance: random.Random) -> int:
    """Every session ends, again and again, whatever it is in the middle of."""
    write_one(place.database, "first slow")
    write_one(place.database, "second pair")
    hands = [worker(place), worker(place, chance.choice(("", *WAY)))]
    with closing(open_database(place.database)) as driver:
        for _ in range(chance.randint(1, 8)):
            time.sleep(chance.uniform(0.0, 0.15))
            driver.execute(_END)
    return sum(hand.wait().killed for hand in hands)
