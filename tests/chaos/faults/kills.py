"""Workers that die."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.failpoints import MIDDLE
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ABANDONING, ADOPTING, WAY
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt, reset_rendering

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

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
    return {name: Fault(action) for name, action in named.items()}


def _kill_at(step: str) -> Action:
    """A worker dies at a step of a prompt's way."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, _WITH_CHILDREN if step == MIDDLE else "first runaway")
        return start_worker(installation, step).wait().killed

    return action


def _kill_recovery_at(dead_worker: str, step: str) -> Action:
    """A worker dies at one step, and those that clear up after it die too, again and again."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first grandchild pair")
        deaths = int(start_worker(installation, dead_worker).wait().killed)
        return deaths + sum(
            start_worker(installation, step).wait().killed for _ in range(rng.choice((1, 3)))
        )

    return action


def _kill_unpublishing(installation: Installation, rng: random.Random) -> int:
    """A worker whose files may not be published dies while it takes them back."""
    add_prompt(installation.database, "first")
    slept = start_worker(installation, "files.move_folder:after", stops=True)
    if not slept.wait_for_stop():
        return 0
    step = rng.choice(("unpublish.delete_tree:before", "unpublish.delete_tree:after"))
    reset_rendering(installation.database)
    slept.kill()
    slept.wait()
    return 1 + sum(start_worker(installation, step).wait().killed for _ in range(2))


def _kill_any_time(installation: Installation, rng: random.Random) -> int:
    """Two workers are killed at random moments."""
    add_prompt(installation.database, "first slow")
    deaths = 0
    for _ in range(2):
        process = start_worker(installation)
        time.sleep(rng.uniform(0.0, 0.4))
        process.kill()
        deaths += process.wait().killed
    return deaths


def _two_at_once(installation: Installation, rng: random.Random) -> int:
    """Two workers side by side; one of them dies, at a step or at any time."""
    add_prompt(installation.database, "first slow")
    add_prompt(installation.database, "second", song=True)
    one, other = (
        start_worker(installation),
        start_worker(installation, rng.choice((*WAY, *ADOPTING))),
    )
    time.sleep(rng.uniform(0.0, 0.3))
    if rng.random() < 1 / 2:
        one.kill()
    return one.wait().killed + other.wait().killed
