"""Workers that sleep past their leases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.failpoints import MIDDLE
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import ADOPTING, STOPPING, TAKING_OVER
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt, is_locked

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation
    from tests.chaos.process import ChildProcess


def stop_faults() -> dict[str, Fault]:
    """Workers suspended at every step, taken over by others, some of which die of it."""
    named = {f"stop at {step}, taken over": _stop_at(step) for step in STOPPING}
    named |= {
        f"stop after rename, successor killed at {step}": _stop_and_kill_at(step)
        for step in TAKING_OVER
    }
    named["stop before publishing, successor stopped too"] = _stop_both
    named |= {f"stop recovery at {step}": _stop_recovery_at(step) for step in ADOPTING}
    named["stop at random times"] = _stop_any_time
    return {name: Fault(action) for name, action in named.items()}


def _stop_at(step: str) -> Action:
    """A worker is suspended past its lease at a step, another takes over, the first resumes."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first slow" if step == MIDDLE else "first pair")
        slept = start_worker(installation, step, stops=True)
        if slept.wait_for_stop():
            start_worker(installation, until_quiet=True).wait()
            slept.resume()
        return slept.wait().killed

    return action


def _stop_and_kill_at(step: str) -> Action:
    """As above, but the successor is killed at a step, before the suspended worker resumes."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first pair")
        slept = start_worker(installation, "files.move_folder:after", stops=True)
        deaths = 0
        if slept.wait_for_stop():
            deaths += start_worker(installation, step, until_quiet=True).wait().killed
            slept.resume()
        return deaths + slept.wait().killed

    return action


def _stop_both(installation: Installation, rng: random.Random) -> int:
    """A worker and its successor are suspended before they publish; the first resumes first."""
    add_prompt(installation.database, "first pair")
    slept = start_worker(installation, "repository.publish_and_claim:before", stops=True)
    if slept.wait_for_stop():
        successor = start_worker(
            installation, "repository.publish:before", stops=True, until_quiet=True
        )
        successor.wait_for_stop()
        slept.resume()
        slept.wait()
        if successor.status is None:
            successor.resume()
        successor.wait()
    return slept.wait().killed


def _stop_recovery_at(step: str) -> Action:
    """Who takes over from the dead sleeps at a step while a third one does the same."""

    def action(installation: Installation, rng: random.Random) -> int:
        add_prompt(installation.database, "first pair")
        deaths = int(start_worker(installation, "files.move_folder:after").wait().killed)
        slept = start_worker(installation, step, stops=True)
        if slept.wait_for_stop():
            start_worker(installation).wait()
            slept.resume()
        return deaths + slept.wait().killed

    return action


def suspend(installation: Installation, process: ChildProcess) -> bool:
    """Stop a worker, but not in a transaction; False when it had ended before.

    A lock ends with its process: who sleeps in mid-transaction locks everybody out.
    """
    process.stop()
    while process.wait_for_stop() and is_locked(installation.database):
        process.resume()
        time.sleep(0.01)
        process.stop()
    return process.status is None


def _stop_any_time(installation: Installation, rng: random.Random) -> int:
    """A worker sleeps at any time, another works beside it, and then the first dies or not."""
    add_prompt(installation.database, "first slow pair")
    slept = start_worker(installation)
    time.sleep(rng.uniform(0.0, 0.4))
    if suspend(installation, slept):
        start_worker(installation, until_quiet=True).wait()
        if rng.random() < 1 / 4:
            slept.kill()
        else:
            slept.resume()
    return slept.wait().killed
