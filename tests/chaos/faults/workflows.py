"""Workflows that are killed, and workflows that live on without their worker."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.databases import TROUBLES, open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.poet import write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.hand import Hand
    from tests.chaos.place import Place

_LIVE = """
SELECT r.workflow_group FROM media_generator_renders AS r
JOIN prompts AS p ON p.id = r.prompt_id
WHERE r.outcome IS NULL AND r.workflow_group IS NOT NULL AND p.prompt_text LIKE 'first slow%'
"""


def workflow_faults() -> dict[str, Fault]:
    """What the system does when memory runs out."""
    return {
        "workflow killed from outside": Fault(_kill_workflow),
        "worker killed from outside, its workflow lives": Fault(_kill_worker),
    }


def _kill_workflow(place: Place, chance: random.Random) -> int:
    """The group of one workflow dies; the prompt is tried again."""
    write_one(place.database, "first slow grandchild")
    hand = worker(place)
    group = _workflow_of(place, hand)
    killed = False
    if group is not None:
        time.sleep(chance.uniform(0.0, 0.15))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
            killed = True
    return killed + hand.wait().killed


def _kill_worker(place: Place, chance: random.Random) -> int:
    """A worker dies, and so does its heir; each leaves a workflow that still runs."""
    write_one(place.database, "first slow grandchild")
    deaths = 0
    for _ in range(2):
        hand = worker(place)
        if _workflow_of(place, hand) is not None:
            time.sleep(chance.uniform(0.0, 0.15))
            hand.kill()
        deaths += hand.wait().killed
    return deaths


def _workflow_of(place: Place, hand: Hand) -> int | None:
    """The group of the first prompt's workflow, which runs; None when the worker ended before."""
    with closing(open_database(place.database)) as driver:
        while not hand.has_ended():
            with contextlib.suppress(*TROUBLES):  # no such table yet
                for (group,) in driver.execute(_LIVE).fetchall():
                    if _is_living(group):
                        return int(group)
            time.sleep(0.002)
    return None


def _is_living(group: int) -> bool:
    """A dead worker's record may name a workflow that is gone."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
