"""A campaign: cycles of a fault, an undisturbed drain and a check."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.checker import Checker
from tests.chaos.databases import ERRORS, POSTGRES, all_rows
from tests.chaos.faults.calls import EVERY_NUMBER, CallSweeps
from tests.chaos.faults.catalogue import all_faults
from tests.chaos.installation import make_installation
from tests.chaos.launcher import kill_remaining, start, start_worker, warm_up
from tests.chaos.poets_service import SERVED_MOODS, WARM_MOODS, add_prompts
from tests.chaos.process import ViolationError
from tests.chaos.served_checker import ServedChecker
from tests.chaos.server import Server, submit_foreign_jobs
from tests.chaos.tally import Tally
from tests.chaos.volume import mounted
from tests.postgres.server import find_binaries, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.chaos.faults.calls import Share
    from tests.chaos.faults.fault import Fault
    from tests.chaos.installation import Installation
    from tests.postgres.server import Server as PostgresServer

_CYCLES_PER_INSTALLATION = 25
_SORTS = ((False, False), (True, False), (False, True))  # served, warm


@dataclass(frozen=True, slots=True)
class Budget:
    """When a campaign ends, whichever comes first."""

    cycles: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Which faults a campaign injects, and where.

    Attributes:
        journal_modes: of the databases, in turn.
        seed: of all random choices.
        only: faults whose names hold this text.
        backwards: the last fault first.
        share: of the system calls at which workers die.
    """

    journal_modes: Sequence[str]
    seed: int
    only: str = ""
    backwards: bool = False
    share: Share = EVERY_NUMBER


class Campaign:
    """Runs faults round robin.

    Attributes:
        tallies: the counts of each fault.
        sweeps: through the system calls.
    """

    def __init__(self, scope: Scope) -> None:
        self._modes = scope.journal_modes
        self._rng = random.Random(scope.seed)  # noqa: S311 (repeatable, not secret)
        self.sweeps = CallSweeps(scope.share)
        on_postgres = POSTGRES in scope.journal_modes
        every = all_faults(self.sweeps, on_postgres=on_postgres)
        named = [(n, fault) for n, fault in every.items() if scope.only in n]
        self._faults = dict(reversed(named) if scope.backwards else named)
        self.tallies = {name: Tally() for name in self._faults}

    def run(self, budget: Budget, print_line: Callable[[str], None]) -> None:
        """Run faults until the budget is spent; print violations as they are found."""
        warm_up()
        if POSTGRES not in self._modes:
            self._run(budget, print_line, None)
            return
        binaries = find_binaries()
        if binaries is None:
            message = "no PostgreSQL was found"
            raise ViolationError(message)
        with running_server(binaries) as server:
            self._run(budget, print_line, server)

    def _run(
        self, budget: Budget, print_line: Callable[[str], None], postgres: PostgresServer | None
    ) -> None:
        self._postgres = postgres
        deadline = time.monotonic() + budget.seconds
        done = 0
        names = _round(self._faults)
        while done < budget.cycles and time.monotonic() < deadline:
            mode = self._modes[done // _CYCLES_PER_INSTALLATION % len(self._modes)]
            with _installation(mode, postgres=postgres) as (installation, checker):
                for _ in range(min(_CYCLES_PER_INSTALLATION, budget.cycles - done)):
                    if time.monotonic() > deadline:
                        break
                    name = names[done % len(names)]
                    done += 1
                    if found := self._cycle(installation, checker, name):
                        print_line(f"cycle {done} ({mode}), {name}: {'; '.join(found)}")
                        break

    def _cycle(self, usual: Installation, checker: Checker, name: str) -> list[str]:
        fault = self._faults[name]
        tally = self.tallies[name]
        began = time.monotonic()
        if fault.on_small or fault.served or fault.warm:
            with _installation(usual.journal_mode, fault, self._postgres) as (
                installation,
                own_checker,
            ):
                deaths, found = self._run_fault(installation, own_checker, fault)
        else:
            deaths, found = self._run_fault(usual, checker, fault)
        tally.count(deaths, found, time.monotonic() - began)
        return found

    def _run_fault(
        self, installation: Installation, checker: Checker, fault: Fault
    ) -> tuple[int, list[str]]:
        seed, count = self._rng.getrandbits(32), self._rng.randint(2, 4)
        deaths = 0
        found = []
        others = [start(task) for task in _others(installation, 0 if fault.alone else count, seed)]
        try:
            deaths = fault.action(installation, self._rng)
            if installation.server is not None:
                installation.server.repair()
            ends = [
                *(other.wait() for other in others),
                start_worker(installation, until_quiet=True).wait(),
            ]
            found += [f"an undisturbed process ended with {e.code}" for e in ends if e.failed]
        except (ViolationError, *ERRORS) as error:
            found.append(repr(error))
        kill_remaining()
        found += checker.violations()
        if installation.server is not None:
            found += ServedChecker(installation, installation.server).violations(once=fault.once)
        if found:
            found.append(f"kept in {_keep(installation, found)}")
        return deaths, found


def _others(installation: Installation, count: int, seed: int) -> Iterator[Callable[[], None]]:
    """The processes that run beside the workers."""
    if installation.is_warm:
        yield partial(add_prompts, installation.database, count, seed, WARM_MOODS)
    elif installation.server is None:
        yield partial(add_prompts, installation.database, count, seed)
    else:
        yield partial(add_prompts, installation.database, count, seed, SERVED_MOODS)
        yield partial(submit_foreign_jobs, installation.server.url, count, seed)


def _round(faults: dict[str, Fault]) -> list[str]:
    """The names of the faults in order, those with a weight more than once.

    Those of servers and of warm hosts are spread among the others, so that a short campaign has
    some of each.
    """
    most = max((fault.weight for fault in faults.values()), default=0)
    order = [name for turn in range(most) for name in faults if turn < faults[name].weight]
    groups = [[n for n in order if (faults[n].served, faults[n].warm) == sort] for sort in _SORTS]
    positions = [((i + 0.5) / len(group), n) for group in groups for i, n in enumerate(group)]
    return [name for _, name in sorted(positions, key=lambda position: position[0])]


@contextlib.contextmanager
def _installation(
    mode: str, fault: Fault | None = None, postgres: PostgresServer | None = None
) -> Iterator[tuple[Installation, Checker]]:
    """A new installation, with a small volume or a server if the fault needs one."""
    with contextlib.ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        small, server = None, None
        on_small = fault.on_small if fault else ()
        if on_small:
            small = folder / "small"
            small.mkdir()
            closing.enter_context(mounted(small))
        if fault and fault.served:
            server = Server(folder / "server")
            closing.callback(server.kill)
            server.start()
        is_warm, ahead = (fault.warm, fault.ahead) if fault else (False, False)
        if postgres is not None:
            closing.callback(
                postgres.address.drop_database, name := postgres.address.create_database()
            )
            url = postgres.address.url(name)
        else:
            url = None
        installation = make_installation(
            folder, mode, small, on_small, server, is_warm=is_warm, ahead=ahead, url=url
        )
        installation = replace(installation, postgres=postgres)
        yield installation, Checker(installation)


def _keep(installation: Installation, violations: list[str]) -> Path:
    """Copy the installation of a violation to a folder that stays, and what its servers know."""
    target = Path(tempfile.mkdtemp(prefix="chaos-violation-"))
    shutil.copytree(installation.folder, target, symlinks=True, dirs_exist_ok=True)
    (target / "violations.txt").write_text("\n".join(violations))
    if isinstance(installation.database, str):
        with (target / "database.txt").open("w") as file:
            for table, rows in all_rows(installation.database).items():
                file.writelines(f"{table}: {row}\n" for row in rows)
    if installation.server is not None:
        known = {"jobs": installation.server.jobs(), "requests": installation.server.requests()}
        (target / "server.json").write_text(json.dumps(known, indent=1, default=str))
    return target
