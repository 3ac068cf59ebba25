"""Workflows that are killed, and workflows that live on without their worker."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.chaos.databases import TRANSIENT_ERRORS, open_database
from tests.chaos.faults.fault import Fault
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.installation import Installation
    from tests.chaos.process import ChildProcess

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


def _kill_workflow(installation: Installation, rng: random.Random) -> int:
    """The group of one workflow dies; the prompt is tried again."""
    add_prompt(installation.database, "first slow grandchild")
    process = start_worker(installation)
    group = _workflow_of(installation, process)
    killed = False
    if group is not None:
        time.sleep(rng.uniform(0.0, 0.15))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
            killed = True
    return killed + process.wait().killed


def _kill_worker(installation: Installation, rng: random.Random) -> int:
    """A worker and its successor are killed; each leaves a workflow that still runs."""
    add_prompt(installation.database, "first slow grandchild")
    deaths = 0
    for _ in range(2):
        process = start_worker(installation)
        if _workflow_of(installation, process) is not None:
            time.sleep(rng.uniform(0.0, 0.15))
            process.kill()
        deaths += process.wait().killed
    return deaths


def _workflow_of(installation: Installation, process: ChildProcess) -> int | None:
    """The group of the first prompt's workflow, which runs; None when the worker ended before."""
    with closing(open_database(installation.database)) as driver:
        while not process.has_ended():
            with contextlib.suppress(*TRANSIENT_ERRORS):  # no such table yet
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
