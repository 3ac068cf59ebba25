"""A PostgreSQL server that crashes, and sessions that end, while workers are at it."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, WAY, long_enough
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

_END = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def postgres_faults() -> dict[str, Fault]:
    """The Poets Service keeps still while the server is away."""
    named: dict[str, Action] = {
        "server crashed while a worker sleeps": _crash_asleep,
        "server crashed at random times": _crash_any_time,
    }
    return {name: Fault(action, alone=True, weight=3) for name, action in named.items()} | {
        "sessions ended at random times": Fault(_end_sessions, alone=True, weight=3)
    }


def _crash(installation: Installation) -> None:
    assert installation.postgres is not None
    installation.postgres.stop(signal.SIGQUIT)
    installation.postgres.start()


def _crash_asleep(installation: Installation, rng: random.Random) -> int:
    """A worker is suspended at a step, resumes with lost sessions, and continues or is killed."""
    step = rng.choice(STOPPING)
    add_prompt(installation.database, long_enough("first pair", step))
    slept = start_worker(installation, step, stops=True)
    if slept.wait_for_stop():
        _crash(installation)
        if rng.random() < 1 / 3:
            slept.kill()
        else:
            slept.resume()
    return slept.wait().killed


def _crash_any_time(installation: Installation, rng: random.Random) -> int:
    """Two workers, of which one may die at a step; both wait for the server and continue."""
    add_prompt(installation.database, "first slow")
    add_prompt(installation.database, "second", song=True)
    processes = [start_worker(installation), start_worker(installation, rng.choice(("", *WAY)))]
    time.sleep(rng.uniform(0.0, 0.5))
    _crash(installation)
    return sum(process.wait().killed for process in processes)


def _end_sessions(installation: Installation, rng: random.Random) -> int:
    """Every session ends, again and again, whatever it is in the middle of."""
    add_prompt(installation.database, "first slow")
    add_prompt(installation.database, "second pair")
    processes = [start_worker(installation), start_worker(installation, rng.choice(("", *WAY)))]
    with closing(open_database(installation.database)) as driver:
        for _ in range(rng.randint(1, 8)):
            time.sleep(rng.uniform(0.0, 0.15))
            driver.execute(_END)
    return sum(process.wait().killed for process in processes)
