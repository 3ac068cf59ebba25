"""Jobs that nobody wants any more when their worker is dead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.served_workers import server_of
from tests.chaos.faults.steps import REAPING
from tests.chaos.hand import FoundError
from tests.chaos.poet import HANDS, lay_hands_on, write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place


_STILL_WANTED = "set to pending"
_UNWANTED = tuple(hand for hand in HANDS if hand != _STILL_WANTED)


def served_hand_faults() -> dict[str, Fault]:
    """Prompts that others change when their worker is dead, and those who clear up that die."""
    taken = {
        f"server: {hand} by another program after its worker died": _taken(hand)
        for hand in _UNWANTED
    }
    taken |= {
        f"server: kill who ends orphaned jobs at {step}": _taken("", step) for step in REAPING
    }
    faults = {name: Fault(deed, served=True) for name, deed in taken.items()}
    name = f"server: {_STILL_WANTED} by another program after its worker died"
    faults[name] = Fault(_given_back, served=True, once=True)
    return faults


def _taken(hand: str, step: str = "") -> Deed:
    """The job is held by the server: it ends only if somebody ends it."""

    def deed(place: Place, chance: random.Random) -> int:
        deaths, held = _die_in_mid_job(place)
        lay_hands_on(place.database, hand or chance.choice(_UNWANTED))
        if step:
            deaths += sum(worker(place, step).wait().killed for _ in range(2))
        worker(place).wait()
        _must_be(place, held, "error")
        return deaths

    return deed


def _given_back(place: Place, chance: random.Random) -> int:
    """The prompt is pending by another's hand before anybody took over: its job is as good."""
    deaths, held = _die_in_mid_job(place)
    lay_hands_on(place.database, _STILL_WANTED)
    heir = worker(place)
    server_of(place).release()
    deaths += heir.wait().killed
    _must_be(place, held, "success")
    return deaths


def _die_in_mid_job(place: Place) -> tuple[int, list[str]]:
    """How many workers died, and the job that the server holds for the dead."""
    server = server_of(place)
    server.fault("hold")
    write_one(place.database, "first")
    corpse = worker(place)
    server.wait(lambda: server.runs_one_of_ours() or corpse.has_ended())
    corpse.kill()
    deaths = int(corpse.wait().killed)
    running = [job for job in server.jobs() if job["state"] == "running" and not job["foreign"]]
    return deaths, [job["prompt_id"] for job in running]


def _must_be(place: Place, held: list[str], state: str) -> None:
    for job in server_of(place).jobs():
        # The Poets Service may have written one that cannot succeed before.
        fails = "fails" in json.dumps(job["graph"])
        if job["prompt_id"] in held and job["state"] != ("error" if fails else state):
            raise FoundError(f"a dead worker's job is {job['state']}, not {state}")
