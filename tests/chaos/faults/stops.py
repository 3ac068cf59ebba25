"""Workers that sleep past their leases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ADOPTING, STOPPING, TAKING_OVER
from tests.chaos.poet import is_locked, write_one
from tests.chaos.traps import MIDDLE

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.hand import Hand
    from tests.chaos.place import Place


def stop_faults() -> dict[str, Fault]:
    """Sleepers at every step, taken over by the living and by those who die of it."""
    named = {f"stop at {step}, taken over": _stop_at(step) for step in STOPPING}
    named |= {
        f"stop after rename, successor killed at {step}": _stop_and_kill_at(step)
        for step in TAKING_OVER
    }
    named["stop before publishing, successor stopped too"] = _stop_both
    named |= {f"stop recovery at {step}": _stop_recovery_at(step) for step in ADOPTING}
    named["stop at random times"] = _stop_any_time
    return {name: Fault(deed) for name, deed in named.items()}


def _stop_at(step: str) -> Deed:
    """A worker sleeps past its lease at a step, another takes over, the first goes on."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first slow" if step == MIDDLE else "first pair")
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            worker(place, until_quiet=True).wait()
            slept.go_on()
        return slept.wait().killed

    return deed


def _stop_and_kill_at(step: str) -> Deed:
    """As above, but who takes over dies at a step, before the sleeper goes on."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first pair")
        slept = worker(place, "files.move_folder:after", stops=True)
        deaths = 0
        if slept.wait_for_stop():
            deaths += worker(place, step, until_quiet=True).wait().killed
            slept.go_on()
        return deaths + slept.wait().killed

    return deed


def _stop_both(place: Place, chance: random.Random) -> int:
    """A worker sleeps before it publishes, its heir too; the first wakes up first."""
    write_one(place.database, "first pair")
    slept = worker(place, "repository.publish_and_claim:before", stops=True)
    if slept.wait_for_stop():
        heir = worker(place, "repository.publish:before", stops=True, until_quiet=True)
        heir.wait_for_stop()
        slept.go_on()
        slept.wait()
        if heir.status is None:
            heir.go_on()
        heir.wait()
    return slept.wait().killed


def _stop_recovery_at(step: str) -> Deed:
    """Who takes over from the dead sleeps at a step while a third one does the same."""

    def deed(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first pair")
        deaths = int(worker(place, "files.move_folder:after").wait().killed)
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            worker(place).wait()
            slept.go_on()
        return deaths + slept.wait().killed

    return deed


def put_to_sleep(place: Place, hand: Hand) -> bool:
    """Stop a worker, but not in a transaction; False when it had ended before.

    A lock ends with its process: who sleeps in mid-transaction locks everybody out.
    """
    hand.stop()
    while hand.wait_for_stop() and is_locked(place.database):
        hand.go_on()
        time.sleep(0.01)
        hand.stop()
    return hand.status is None


def _stop_any_time(place: Place, chance: random.Random) -> int:
    """A worker sleeps at any time, another works beside it, and then the first dies or not."""
    write_one(place.database, "first slow pair")
    slept = worker(place)
    time.sleep(chance.uniform(0.0, 0.4))
    if put_to_sleep(place, slept):
        worker(place, until_quiet=True).wait()
        if chance.random() < 1 / 4:
            slept.kill()
        else:
            slept.go_on()
    return slept.wait().killed
