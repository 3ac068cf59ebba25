"""Workers that die or sleep while a server renders for them; the server lives on."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.databases import open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import GOING_ON, SERVED_STOPPING, SERVED_WAY
from tests.chaos.faults.stops import put_to_sleep
from tests.chaos.poet import write_one
from tests.chaos.traps import MIDDLE

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place
    from tests.chaos.server import Server


def served_worker_faults() -> dict[str, Fault]:
    """Kills at every step of a job's way and of going on with it, and sleep past the lease."""
    named = {f"server: kill at {step}": _kill_at(step) for step in SERVED_WAY}
    named |= {f"server: kill who goes on at {step}": _kill_heir_at(step) for step in GOING_ON}
    named["server: kill at random times"] = _kill_any_time
    named["server: kill while the job runs"] = _kill_in_mid_job
    named["server: two workers at once"] = _two_at_once
    named |= {f"server: stop at {step}, taken over": _stop_at(step) for step in SERVED_STOPPING}
    # A sleeper's other lane may sleep between writing a job down and submitting it: on waking, it
    # submits what its heir submitted before it, and takes it back.
    faults = {
        name: Fault(deed, served=True, once=not name.startswith("server: stop at"))
        for name, deed in named.items()
    }
    # Alone: with another prompt to wait for, the heir would not come to take over meanwhile.
    name = "server: stop in mid-job, continue beside the successor"
    faults[name] = Fault(_wake_beside_heir, alone=True, served=True, once=True)
    return faults


def server_of(place: Place) -> Server:
    """The server of a served place."""
    assert place.server is not None
    return place.server


def _kill_at(step: str) -> Deed:
    """A worker dies at a step of a job's way."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first slow", song=chance.random() < 1 / 4)
        return worker(place, step).wait().killed

    return deed


def _kill_heir_at(step: str) -> Deed:
    """Those that go on with a dead worker's job die too, again and again."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first slow")
        deaths = int(worker(place, MIDDLE).wait().killed)
        return deaths + sum(worker(place, step).wait().killed for _ in range(chance.choice((1, 3))))

    return deed


def _kill_any_time(place: Place, chance: random.Random) -> int:
    """Workers die at moments that nobody chose."""
    write_one(place.database, "first slow")
    deaths = 0
    for _ in range(chance.choice((1, 3))):
        hand = worker(place)
        time.sleep(chance.uniform(0.0, 0.6))
        hand.kill()
        deaths += hand.wait().killed
    return deaths


def _kill_in_mid_job(place: Place, chance: random.Random) -> int:
    """A worker dies while its job runs, which ends before, while or after others look for it."""
    server = server_of(place)
    server.fault("hold")
    write_one(place.database, "first")
    hand = worker(place)
    server.wait(lambda: server.runs_one_of_ours() or hand.has_ended())
    hand.kill()
    deaths = int(hand.wait().killed)
    if chance.random() < 1 / 3:
        server.release()
        server.wait(lambda: not server.runs_one_of_ours())
    heir = worker(place)
    time.sleep(chance.uniform(0.0, 0.3))
    server.release()
    return deaths + heir.wait().killed


def _two_at_once(place: Place, chance: random.Random) -> int:
    """Two workers side by side; one of them dies, at a step or at any time."""
    write_one(place.database, "first slow")
    write_one(place.database, "second", song=True)
    one, other = worker(place), worker(place, chance.choice((*SERVED_WAY, *GOING_ON)))
    time.sleep(chance.uniform(0.0, 0.5))
    if chance.random() < 1 / 2:
        one.kill()
    return one.wait().killed + other.wait().killed


def _stop_at(step: str) -> Deed:
    """A worker sleeps past its lease at a step, another takes over, the first goes on."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first slow")
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            worker(place, until_quiet=True).wait()
            if chance.random() < 1 / 4:
                slept.kill()
            slept.go_on()
        return slept.wait().killed

    return deed


def _wake_beside_heir(place: Place, chance: random.Random) -> int:
    """A sleeper wakes up while its heir waits for the very job: it must not end it."""
    server = server_of(place)
    server.fault("hold")
    write_one(place.database, "first")
    slept = worker(place)
    server.wait(lambda: server.runs_one_of_ours() or slept.has_ended())
    if not put_to_sleep(place, slept):
        return slept.killed
    first = _holders(place)
    heir = worker(place, until_quiet=True)
    server.wait(lambda: _holders(place) != first or heir.has_ended())
    slept.go_on()
    time.sleep(chance.uniform(0.2, 0.6))
    server.release()
    return heir.wait().killed + slept.wait().killed


def _holders(place: Place) -> list[tuple[int]]:
    with closing(open_database(place.database)) as driver:
        found = driver.execute("SELECT render_id FROM media_generator_server_jobs").fetchall()
        return list(found)
