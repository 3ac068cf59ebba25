"""Cycle after cycle: a fault, an undisturbed drain, an examination."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.checker import Checker
from tests.chaos.crew import StuckError, start, warm_up, worker
from tests.chaos.faults import all_faults
from tests.chaos.place import make_place
from tests.chaos.poet import write_many

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.chaos.place import Place

_CYCLES_OF_A_PLACE = 25


@dataclass(slots=True)
class Tally:
    """What became of one fault.

    Attributes:
        cycles: how often it was tried.
        survived: cycles after which everything was as it must be.
        kills: processes that died by SIGKILL.
        seconds: they took.
        violations: what was not as it must be.
    """

    cycles: int = 0
    survived: int = 0
    kills: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Budget:
    """When a campaign ends, whichever comes first."""

    cycles: int
    seconds: float


class Campaign:
    """Runs faults round robin, in each journal mode in turn.

    Args:
        journal_modes: of the databases.
        seed: of everything that is left to chance here.
        only: faults whose names hold this text.
    """

    def __init__(self, journal_modes: Sequence[str], seed: int, only: str = "") -> None:
        self._modes = journal_modes
        self._chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
        self._faults = {name: made for name, made in all_faults().items() if only in name}
        self.tallies = {name: Tally() for name in self._faults}

    def run(self, budget: Budget, tell: Callable[[str], None]) -> None:
        """Go on until the budget is spent; violations are told as they are found."""
        warm_up()
        deadline = time.monotonic() + budget.seconds
        done = 0
        names = list(self._faults)
        while done < budget.cycles and time.monotonic() < deadline:
            mode = self._modes[done // _CYCLES_OF_A_PLACE % len(self._modes)]
            with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                place = make_place(Path(folder), mode)
                checker = Checker(place)
                for _ in range(min(_CYCLES_OF_A_PLACE, budget.cycles - done)):
                    if time.monotonic() > deadline:
                        break
                    name = names[done % len(names)]
                    found = self._cycle(place, checker, name)
                    done += 1
                    for line in found:
                        tell(f"cycle {done} ({mode}), {name}: {line}")
                    if found:
                        keep(place, done)
                        break

    def _cycle(self, place: Place, checker: Checker, name: str) -> list[str]:
        tally = self.tallies[name]
        began = time.monotonic()
        seed, count = self._chance.getrandbits(32), self._chance.randint(2, 4)
        poet = start(lambda: write_many(place.database, count, seed))
        found = []
        try:
            tally.kills += self._faults[name](place, self._chance)
            ends = [poet.wait(), worker(place, until_quiet=True).wait()]
            found += [f"an undisturbed process ended with {e.status}" for e in ends if e.failed]
        except StuckError as error:
            found.append(str(error))
        found += checker.violations()
        tally.cycles += 1
        tally.survived += not found
        tally.violations += found
        tally.seconds += time.monotonic() - began
        return found


def keep(place: Place, number: int) -> None:
    """Copy the place of a violation to where it can be looked at."""
    target = Path(tempfile.gettempdir()) / f"chaos-violation-{number}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(place.folder, target, symlinks=True)
