"""Workers that die or sleep while a server renders for them; the server lives on."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.databases import open_database
from tests.chaos.failpoints import MIDDLE
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import GOING_ON, SERVED_STOPPING, SERVED_WAY
from tests.chaos.faults.stops import suspend
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation
    from tests.chaos.server import Server


def served_worker_faults() -> dict[str, Fault]:
    """Kills at every step of a job and of its continuation, and suspensions past the lease."""
    named = {f"server: kill at {step}": _kill_at(step) for step in SERVED_WAY}
    named |= {
        f"server: kill the successor at {step}": _kill_successor_at(step) for step in GOING_ON
    }
    named["server: kill at random times"] = _kill_any_time
    named["server: kill while the job runs"] = _kill_in_mid_job
    named["server: two workers at once"] = _two_at_once
    named |= {f"server: stop at {step}, taken over": _stop_at(step) for step in SERVED_STOPPING}
    # A suspended worker's other lane may be between recording a job and submitting it: after
    # waking, it submits what its successor has submitted already, and cancels it.
    faults = {
        name: Fault(action, served=True, once=not name.startswith("server: stop at"))
        for name, action in named.items()
    }
    # Alone: with another prompt to wait for, the successor would not take over meanwhile.
    name = "server: stop in mid-job, continue beside the successor"
    faults[name] = Fault(_resume_beside_successor, alone=True, served=True, once=True)
    return faults


def server_of(installation: Installation) -> Server:
    """The server of an installation that has one."""
    assert installation.server is not None
    return installation.server


def _kill_at(step: str) -> Action:
    """A worker dies at a step of a job's way."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first slow", song=rng.random() < 1 / 4)
        return start_worker(installation, step).wait().killed

    return action


def _kill_successor_at(step: str) -> Action:
    """Successors that continue a dead worker's job are killed too, repeatedly."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first slow")
        deaths = int(start_worker(installation, MIDDLE).wait().killed)
        return deaths + sum(
            start_worker(installation, step).wait().killed for _ in range(rng.choice((1, 3)))
        )

    return action


def _kill_any_time(installation: Installation, rng: random.Random) -> int:
    """Workers are killed at random moments."""
    add_prompt(installation.database, "first slow")
    deaths = 0
    for _ in range(rng.choice((1, 3))):
        process = start_worker(installation)
        time.sleep(rng.uniform(0.0, 0.6))
        process.kill()
        deaths += process.wait().killed
    return deaths


def _kill_in_mid_job(installation: Installation, rng: random.Random) -> int:
    """A worker dies while its job runs, which ends before, while or after others look for it."""
    server = server_of(installation)
    server.fault("hold")
    add_prompt(installation.database, "first")
    process = start_worker(installation)
    server.wait(lambda: server.runs_own_job() or process.has_ended())
    process.kill()
    deaths = int(process.wait().killed)
    if rng.random() < 1 / 3:
        server.release()
        server.wait(lambda: not server.runs_own_job())
    successor = start_worker(installation)
    time.sleep(rng.uniform(0.0, 0.3))
    server.release()
    return deaths + successor.wait().killed


def _two_at_once(installation: Installation, rng: random.Random) -> int:
    """Two workers side by side; one of them dies, at a step or at any time."""
    add_prompt(installation.database, "first slow")
    add_prompt(installation.database, "second", song=True)
    one, other = (
        start_worker(installation),
        start_worker(installation, rng.choice((*SERVED_WAY, *GOING_ON))),
    )
    time.sleep(rng.uniform(0.0, 0.5))
    if rng.random() < 1 / 2:
        one.kill()
    return one.wait().killed + other.wait().killed


def _stop_at(step: str) -> Action:
    """A worker is suspended past its lease at a step, another takes over, the first resumes."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first slow")
        slept = start_worker(installation, step, stops=True)
        if slept.wait_for_stop():
            start_worker(installation, until_quiet=True).wait()
            if rng.random() < 1 / 4:
                slept.kill()
            slept.resume()
        return slept.wait().killed

    return action


def _resume_beside_successor(installation: Installation, rng: random.Random) -> int:
    """A suspended worker resumes while its successor waits for the same job, which must stay."""
    server = server_of(installation)
    server.fault("hold")
    add_prompt(installation.database, "first")
    slept = start_worker(installation)
    server.wait(lambda: server.runs_own_job() or slept.has_ended())
    if not suspend(installation, slept):
        return slept.killed
    first = _holders(installation)
    successor = start_worker(installation, until_quiet=True)
    server.wait(lambda: _holders(installation) != first or successor.has_ended())
    slept.resume()
    time.sleep(rng.uniform(0.2, 0.6))
    server.release()
    return successor.wait().killed + slept.wait().killed


def _holders(installation: Installation) -> list[tuple[int]]:
    with closing(open_database(installation.database)) as driver:
        found = driver.execute("SELECT render_id FROM media_generator_server_jobs").fetchall()
        return list(found)
