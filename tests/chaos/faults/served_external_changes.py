"""Jobs that are not needed any more when their worker is dead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.served_workers import server_of
from tests.chaos.faults.steps import REAPING
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import EXTERNAL_CHANGES, add_prompt, change_rendering
from tests.chaos.process import ViolationError

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation


_STILL_WANTED = "set to pending"
_UNWANTED = tuple(change for change in EXTERNAL_CHANGES if change != _STILL_WANTED)


def served_external_change_faults() -> dict[str, Fault]:
    """Prompts that others change after their worker died, and reapers that are killed."""
    taken = {
        f"server: {change} by another program after its worker died": _taken(change)
        for change in _UNWANTED
    }
    taken |= {
        f"server: kill who ends orphaned jobs at {step}": _taken("", step) for step in REAPING
    }
    faults = {name: Fault(action, served=True) for name, action in taken.items()}
    name = f"server: {_STILL_WANTED} by another program after its worker died"
    faults[name] = Fault(_given_back, served=True, once=True)
    return faults


def _taken(change: str, step: str = "") -> Action:
    """The server holds the job: it ends only when it is cancelled."""

    def action(installation: Installation, rng: random.Random) -> int:
        deaths, held = _die_in_mid_job(installation)
        change_rendering(installation.database, change or rng.choice(_UNWANTED))
        if step:
            deaths += sum(start_worker(installation, step).wait().killed for _ in range(2))
        start_worker(installation).wait()
        _must_be(installation, held, "error")
        return deaths

    return action


def _given_back(installation: Installation, rng: random.Random) -> int:
    """Another program sets the prompt to pending before a takeover: its job is still valid."""
    deaths, held = _die_in_mid_job(installation)
    change_rendering(installation.database, _STILL_WANTED)
    successor = start_worker(installation)
    server_of(installation).release()
    deaths += successor.wait().killed
    _must_be(installation, held, "success")
    return deaths


def _die_in_mid_job(installation: Installation) -> tuple[int, list[str]]:
    """How many workers died, and the job that the server holds for the dead."""
    server = server_of(installation)
    server.fault("hold")
    add_prompt(installation.database, "first")
    dead_worker = start_worker(installation)
    server.wait(lambda: server.runs_own_job() or dead_worker.has_ended())
    dead_worker.kill()
    deaths = int(dead_worker.wait().killed)
    running = [job for job in server.jobs() if job["state"] == "running" and not job["foreign"]]
    return deaths, [job["prompt_id"] for job in running]


def _must_be(installation: Installation, held: list[str], state: str) -> None:
    for job in server_of(installation).jobs():
        # The Poets Service may have written one that cannot succeed before.
        fails = "fails" in json.dumps(job["graph"])
        if job["prompt_id"] in held and job["state"] != ("error" if fails else state):
            raise ViolationError(f"a dead worker's job is {job['state']}, not {state}")
