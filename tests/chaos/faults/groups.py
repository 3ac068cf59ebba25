"""Workers that die or are stopped while they publish several prompts in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ADOPTING, GROUPED
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt, reset_rendering

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

_PROMPTS = ("first", "second pair", "third", "fourth grandchild", "fifth", "sixth", "seventh pair")
_HOLDS = (5.0, 0.15)  # seconds; a slow script takes longer than the second


def group_faults() -> dict[str, Fault]:
    """Kills and stops within a group of prompts that are claimed and published together."""
    named = {f"group: kill at {step}": _die_at(step) for step in GROUPED}
    named |= {f"group: stop at {step}, taken over": _stop_at(step) for step in GROUPED}
    named["group: kill, then kill recovery"] = _kill_recovery
    named["group: set to pending by another program, then resume"] = _taken_back
    return {name: Fault(action) for name, action in named.items()}


def _write(installation: Installation, rng: random.Random) -> None:
    slow = rng.randrange(len(_PROMPTS))
    for number, words in enumerate(_PROMPTS):
        mood = " slow" if number == slow else ""
        add_prompt(installation.database, words + mood, song=rng.random() < 1 / 4)


def _die_at(step: str) -> Action:
    """One group or a part of it is published, the rest is rendered or not even begun."""

    def action(installation: Installation, rng: random.Random) -> int:
        _write(installation, rng)
        gives_back = step.startswith("repository.release")
        visit = rng.choice((1, 2) if gives_back else (2, 3, 4))
        hold = _HOLDS[1] if gives_back else rng.choice(_HOLDS)
        return start_worker(installation, step, visit=visit, commit_seconds=hold).wait().killed

    return action


def _stop_at(step: str) -> Action:
    """Its prompts are taken over, published by another worker, and published again in vain."""

    def action(installation: Installation, rng: random.Random) -> int:
        _write(installation, rng)
        visit, hold = rng.choice((2, 3)), rng.choice(_HOLDS)
        slept = start_worker(installation, step, stops=True, visit=visit, commit_seconds=hold)
        if slept.wait_for_stop():
            start_worker(installation, until_quiet=True, commit_seconds=hold).wait()
            slept.resume()
        return slept.wait().killed

    return action


def _kill_recovery(installation: Installation, rng: random.Random) -> int:
    """Who publishes what a dead worker finished dies too, after some of it."""
    _write(installation, rng)
    step = "repository.publish_and_claim:before"
    deaths = int(start_worker(installation, step, visit=3, commit_seconds=_HOLDS[0]).wait().killed)
    for visit in (1, 2, 3):
        step = rng.choice(ADOPTING)
        deaths += (
            start_worker(installation, step, visit=visit, commit_seconds=_HOLDS[0]).wait().killed
        )
    return deaths


def _taken_back(installation: Installation, rng: random.Random) -> int:
    """Every prompt of the group is set to pending before its transaction."""
    _write(installation, rng)
    step = "repository.publish_and_claim:before"
    slept = start_worker(installation, step, stops=True, visit=3, commit_seconds=_HOLDS[0])
    if slept.wait_for_stop():
        reset_rendering(installation.database)
        slept.resume()
    return slept.wait().killed
