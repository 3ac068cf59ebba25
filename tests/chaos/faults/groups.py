"""Workers that die or are stopped while they publish several prompts in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ADOPTING, GROUPED
from tests.chaos.poet import take_back, write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place

_PROMPTS = ("first", "second pair", "third", "fourth grandchild", "fifth", "sixth", "seventh pair")
_HOLDS = (5.0, 0.15)  # seconds; a slow script takes longer than the second


def group_faults() -> dict[str, Fault]:
    """Kills and stops within a group of prompts that are claimed and published together."""
    named = {f"group: kill at {step}": _die_at(step) for step in GROUPED}
    named |= {f"group: stop at {step}, taken over": _stop_at(step) for step in GROUPED}
    named["group: kill, then kill recovery"] = _kill_recovery
    named["group: set to pending by another program, then go on"] = _taken_back
    return {name: Fault(deed) for name, deed in named.items()}


def _write(place: Place, chance: random.Random) -> None:
    slow = chance.randrange(len(_PROMPTS))
    for number, words in enumerate(_PROMPTS):
        mood = " slow" if number == slow else ""
        write_one(place.database, words + mood, song=chance.random() < 1 / 4)


def _die_at(step: str) -> Deed:
    """One group or a part of it is published, the rest is rendered or not even begun."""

    def deed(place: Place, chance: random.Random) -> int:
        _write(place, chance)
        gives_back = step.startswith("repository.release")
        visit = chance.choice((1, 2) if gives_back else (2, 3, 4))
        hold = _HOLDS[1] if gives_back else chance.choice(_HOLDS)
        return worker(place, step, visit=visit, commit_seconds=hold).wait().killed

    return deed


def _stop_at(step: str) -> Deed:
    """Its prompts are taken over, published by another worker, and published again in vain."""

    def deed(place: Place, chance: random.Random) -> int:
        _write(place, chance)
        visit, hold = chance.choice((2, 3)), chance.choice(_HOLDS)
        slept = worker(place, step, stops=True, visit=visit, commit_seconds=hold)
        if slept.wait_for_stop():
            worker(place, until_quiet=True, commit_seconds=hold).wait()
            slept.go_on()
        return slept.wait().killed

    return deed


def _kill_recovery(place: Place, chance: random.Random) -> int:
    """Who publishes what a dead worker finished dies too, after some of it."""
    _write(place, chance)
    step = "repository.publish_and_claim:before"
    deaths = int(worker(place, step, visit=3, commit_seconds=_HOLDS[0]).wait().killed)
    for visit in (1, 2, 3):
        step = chance.choice(ADOPTING)
        deaths += worker(place, step, visit=visit, commit_seconds=_HOLDS[0]).wait().killed
    return deaths


def _taken_back(place: Place, chance: random.Random) -> int:
    """Every prompt of the group is set to pending before its transaction."""
    _write(place, chance)
    step = "repository.publish_and_claim:before"
    slept = worker(place, step, stops=True, visit=3, commit_seconds=_HOLDS[0])
    if slept.wait_for_stop():
        take_back(place.database)
        slept.go_on()
    return slept.wait().killed
