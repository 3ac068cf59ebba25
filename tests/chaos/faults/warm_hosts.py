"""Exports in warm hosts or started ahead: the faults of scripts again, and those of hosts."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.checker import marked_processes
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.kills import kill_faults
from tests.chaos.faults.stops import stop_faults
from tests.chaos.faults.workflows import workflow_faults
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.installation import Installation


def warm_faults() -> dict[str, Fault]:
    """Those of workers and workflows, with hosts; and hosts that die or do not notice."""
    same = {**kill_faults(), **stop_faults(), **workflow_faults()}
    hosts = {
        "killed at random times": Fault(_kill_hosts, warm=True, weight=3),
        "stopped, its worker killed": Fault(_stop_host_and_kill, warm=True, weight=3),
    }
    warm = {f"warm host: {name}": replace(fault, warm=True) for name, fault in same.items()}
    warm |= {f"warm host {name}": fault for name, fault in hosts.items()}
    return warm | {
        name.replace("warm host", "started ahead", 1): replace(fault, ahead=True)
        for name, fault in warm.items()
    }


def _kill_hosts(installation: Installation, rng: random.Random) -> int:
    """All hosts are killed, busy or idle, while one worker renders three prompts."""
    for mood in ("first slow", "second", "third slow grandchild"):
        add_prompt(installation.database, mood)
    process = start_worker(installation)
    deaths = 0
    for _ in range(3):
        time.sleep(rng.uniform(0.0, 0.5))
        for pid in marked_processes(installation):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                deaths += 1
    return deaths + process.wait().killed


def _stop_host_and_kill(installation: Installation, rng: random.Random) -> int:
    """A host that cannot notice that its worker died is ended by the next one."""
    for mood in ("first slow", "second", "third slow"):
        add_prompt(installation.database, mood)
    process = start_worker(installation)
    time.sleep(rng.uniform(0.1, 1.0))
    for pid in marked_processes(installation):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    process.kill()
    return process.wait().killed
