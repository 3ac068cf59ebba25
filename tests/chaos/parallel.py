"""Campaigns that run in parallel processes, and their combined results."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.chaos.campaign import Budget, Campaign, Scope
from tests.chaos.faults.calls import EVERY_NUMBER, CallSweeps, Share

if TYPE_CHECKING:
    from tests.chaos.tally import Tally


@dataclass(slots=True)
class Outcome:
    """What some campaigns found.

    Attributes:
        tallies: by the name of the fault.
        sweeps: through the system calls.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    sweeps: CallSweeps = field(default_factory=CallSweeps)

    def add(self, other: Outcome) -> None:
        """Add the results of another campaign."""
        for name, tally in other.tallies.items():
            if name in self.tallies:
                self.tallies[name].add(tally)
            else:
                self.tallies[name] = tally
        self.sweeps.add(other.sweeps)


def run_parallel(scope: Scope, budget: Budget, jobs: int) -> Outcome:
    """Run several campaigns at once, which share a budget of cycles.

    Each has its share of the journal modes, and its own random seed.
    """
    if jobs == 1:
        return _run(scope, budget)
    every = Outcome()
    # Fresh interpreters: a campaign copies its own process, which must have no threads.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        parts = [
            pool.submit(_run, _part(scope, index, jobs), _share(budget, index, jobs))
            for index in range(jobs)
        ]
        for part in as_completed(parts):
            every.add(part.result())
    return every


def _part(scope: Scope, index: int, jobs: int) -> Scope:
    modes = scope.journal_modes
    mine = modes[index::jobs] or [modes[index % len(modes)]]
    alike = Share(index // len(modes), -(-(jobs - index % len(modes)) // len(modes)))
    share = alike if jobs >= len(modes) else EVERY_NUMBER
    return replace(scope, journal_modes=mine, seed=scope.seed * jobs + index, share=share)


def _share(budget: Budget, index: int, jobs: int) -> Budget:
    return replace(budget, cycles=budget.cycles // jobs + (index < budget.cycles % jobs))


def _run(scope: Scope, budget: Budget) -> Outcome:
    # In a process of its own the default would leave volumes mounted.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    campaign = Campaign(scope)
    try:
        campaign.run(budget, print_line)
    except SystemExit as end:
        os._exit(int(str(end.code)))  # the pool would keep the process for what comes next
    return Outcome(campaign.tallies, campaign.sweeps)


def print_line(text: str) -> None:
    """Print a line and flush it, in one write."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
