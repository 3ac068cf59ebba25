"""Other programs and people at the same database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.crew import start, worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import UNPUBLISHED, WAY, long_enough
from tests.chaos.poet import HANDS, ask_again, hold_lock, lay_hands_on, write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place


def hand_faults() -> dict[str, Fault]:
    """Locks that are held, and prompts that are changed under a worker's hands."""
    named: dict[str, Deed] = {
        "write lock held by another program": _lock_held,
        "requested again": _request_again,
    }
    named |= {f"{hand} by another program in mid-render": _taken_away(hand) for hand in HANDS}
    return {name: Fault(deed) for name, deed in named.items()}


def _lock_held(place: Place, chance: random.Random) -> int:
    """Another program holds the write lock for a while; a worker dies meanwhile, or later."""
    write_one(place.database, "first")
    holder = start(lambda: hold_lock(place.database, chance.uniform(1.0, 3.0)))
    hand = worker(place, chance.choice(("", *WAY)))
    holder.wait()
    return hand.wait().killed


def _request_again(place: Place, chance: random.Random) -> int:
    """Ready prompts are wanted again while workers die."""
    write_one(place.database, "first")
    worker(place).wait()
    ask_again(place.database)
    return worker(place, chance.choice(WAY)).wait().killed


def _taken_away(hand: str) -> Deed:
    """Somebody changes a prompt that is being rendered; its worker goes on, or dies."""

    def deed(place: Place, chance: random.Random) -> int:
        step = chance.choice(UNPUBLISHED)
        words = chance.choice(("first pair", "first grandchild"))
        write_one(place.database, long_enough(words, step))
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            lay_hands_on(place.database, hand)
            if chance.random() < 1 / 2:
                slept.kill()
            else:
                slept.go_on()
        return slept.wait().killed

    return deed
