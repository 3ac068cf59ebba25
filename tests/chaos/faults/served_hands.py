"""Jobs that nobody wants any more when their worker is dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.served_workers import server_of
from tests.chaos.faults.steps import FORSAKING
from tests.chaos.hand import FoundError
from tests.chaos.poet import HANDS, lay_hands_on, write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place


def served_hand_faults() -> dict[str, Fault]:
    """Prompts that others change when their worker is dead, and those who clear up that die."""
    named = {
        f"server: {hand} by another program after its worker died": _taken(hand, "")
        for hand in HANDS
    }
    named |= {
        f"server: kill who ends forsaken jobs at {step}": _taken("", step) for step in FORSAKING
    }
    return {name: Fault(deed, served=True) for name, deed in named.items()}


def _taken(hand: str, step: str) -> Deed:
    """The job is held by the server: it ends only if somebody ends it."""

    def deed(place: Place, chance: random.Random) -> int:
        server = server_of(place)
        server.fault("hold")
        write_one(place.database, "first")
        corpse = worker(place)
        server.wait(lambda: server.runs_one_of_ours() or corpse.has_ended())
        corpse.kill()
        deaths = int(corpse.wait().killed)
        held = [each["prompt_id"] for each in server.jobs() if each["state"] == "running"]
        lay_hands_on(place.database, hand or chance.choice(HANDS))
        deaths += sum(worker(place, step).wait().killed for _ in range(2 if step else 1))
        worker(place).wait()
        for job in server.jobs():
            if job["prompt_id"] in held and not job["foreign"] and job["state"] != "error":
                raise FoundError(f"a job that nobody wants any more is {job['state']}")
        return deaths

    return deed
