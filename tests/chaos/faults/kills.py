"""Workers that die."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ABANDONING, ADOPTING, WAY
from tests.chaos.poet import take_back, write_one
from tests.chaos.traps import MIDDLE

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place

_WITH_CHILDREN = "first slow grandchild runaway"


def kill_faults() -> dict[str, Fault]:
    """Kills at every step of a prompt's way, of recovery, and at any time."""
    named = {f"kill at {step}": _kill_at(step) for step in WAY}
    named |= {
        f"kill recovery (abandons) at {step}": _kill_recovery_at("store.prepare:after", step)
        for step in ABANDONING
    }
    named |= {
        f"kill recovery (adopts) at {step}": _kill_recovery_at("files.move_folder:after", step)
        for step in ADOPTING
    }
    named["kill while files are taken back"] = _kill_unpublishing
    named["kill at random times"] = _kill_any_time
    named["two workers at once"] = _two_at_once
    return {name: Fault(deed) for name, deed in named.items()}


def _kill_at(step: str) -> Deed:
    """A worker dies at a step of a prompt's way."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, _WITH_CHILDREN if step == MIDDLE else "first runaway")
        return worker(place, step).wait().killed

    return deed


def _kill_recovery_at(corpse: str, step: str) -> Deed:
    """A worker dies at one step, and those that clear up after it die too, again and again."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first grandchild pair")
        deaths = int(worker(place, corpse).wait().killed)
        return deaths + sum(worker(place, step).wait().killed for _ in range(chance.choice((1, 3))))

    return deed


def _kill_unpublishing(place: Place, chance: random.Random) -> int:
    """A worker whose files may not be published dies while it takes them back."""
    write_one(place.database, "first")
    slept = worker(place, "files.move_folder:after", stops=True)
    if not slept.wait_for_stop():
        return 0
    step = chance.choice(("unpublish.delete_tree:before", "unpublish.delete_tree:after"))
    take_back(place.database)
    slept.kill()
    slept.wait()
    return 1 + sum(worker(place, step).wait().killed for _ in range(2))


def _kill_any_time(place: Place, chance: random.Random) -> int:
    """Two workers die at moments that nobody chose."""
    write_one(place.database, "first slow")
    deaths = 0
    for _ in range(2):
        hand = worker(place)
        time.sleep(chance.uniform(0.0, 0.4))
        hand.kill()
        deaths += hand.wait().killed
    return deaths


def _two_at_once(place: Place, chance: random.Random) -> int:
    """Two workers side by side; one of them dies, at a step or at any time."""
    write_one(place.database, "first slow")
    write_one(place.database, "second", song=True)
    one, other = worker(place), worker(place, chance.choice((*WAY, *ADOPTING)))
    time.sleep(chance.uniform(0.0, 0.3))
    if chance.random() < 1 / 2:
        one.kill()
    return one.wait().killed + other.wait().killed
