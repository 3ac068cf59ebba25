"""Changes by other programs and people to the same database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import UNPUBLISHED, WAY, long_enough
from tests.chaos.launcher import start, start_worker
from tests.chaos.poets_service import (
    EXTERNAL_CHANGES,
    add_prompt,
    change_rendering,
    hold_lock,
    request_again,
)

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation


def external_change_faults() -> dict[str, Fault]:
    """Locks held by others, and prompts changed while a worker renders them."""
    named: dict[str, Action] = {
        "write lock held by another program": _lock_held,
        "requested again": _request_again,
    }
    named |= {
        f"{change} by another program in mid-render": _changed_while_rendering(change)
        for change in EXTERNAL_CHANGES
    }
    return {name: Fault(action) for name, action in named.items()}


def _lock_held(installation: Installation, rng: random.Random) -> int:
    """Another program holds the write lock for a while; a worker dies meanwhile, or later."""
    add_prompt(installation.database, "first")
    holder = start(lambda: hold_lock(installation.database, rng.uniform(1.0, 3.0)))
    process = start_worker(installation, rng.choice(("", *WAY)))
    holder.wait()
    return process.wait().killed


def _request_again(installation: Installation, rng: random.Random) -> int:
    """Ready prompts are requested again while workers die."""
    add_prompt(installation.database, "first")
    start_worker(installation).wait()
    request_again(installation.database)
    return start_worker(installation, rng.choice(WAY)).wait().killed


def _changed_while_rendering(change: str) -> Action:
    """Another program changes a prompt during its render; its worker continues, or is killed."""

    def action(installation: Installation, rng: random.Random) -> int:
        step = rng.choice(UNPUBLISHED)
        words = rng.choice(("first pair", "first grandchild"))
        add_prompt(installation.database, long_enough(words, step))
        slept = start_worker(installation, step, stops=True)
        if slept.wait_for_stop():
            change_rendering(installation.database, change)
            if rng.random() < 1 / 2:
                slept.kill()
            else:
                slept.resume()
        return slept.wait().killed

    return action
