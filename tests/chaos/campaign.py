"""Cycle after cycle: a fault, an undisturbed drain, an examination."""

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
from tests.chaos.crew import dismiss, start, warm_up, worker
from tests.chaos.databases import ERRORS, POSTGRES, all_rows
from tests.chaos.faults.calls import EVERY_NUMBER, CallSweeps
from tests.chaos.faults.catalogue import all_faults
from tests.chaos.hand import FoundError
from tests.chaos.place import make_place
from tests.chaos.poet import SERVED_MOODS, WARM_MOODS, write_many
from tests.chaos.served_checker import ServedChecker
from tests.chaos.server import Server, use_as_others_do
from tests.chaos.tally import Tally
from tests.chaos.volume import mounted
from tests.postgres.server import find_binaries, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.chaos.faults.calls import Share
    from tests.chaos.faults.fault import Fault
    from tests.chaos.place import Place
    from tests.postgres.server import Server as PostgresServer

_CYCLES_OF_A_PLACE = 25
_SORTS = ((False, False), (True, False), (False, True))  # served, warm


@dataclass(frozen=True, slots=True)
class Budget:
    """When a campaign ends, whichever comes first."""

    cycles: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Scope:
    """What a campaign is about.

    Attributes:
        journal_modes: of the databases, in turn.
        seed: of everything that is left to chance.
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
        tallies: what became of each fault.
        sweeps: through the system calls.
    """

    def __init__(self, scope: Scope) -> None:
        self._modes = scope.journal_modes
        self._chance = random.Random(scope.seed)  # noqa: S311 (repeatable, not secret)
        self.sweeps = CallSweeps(scope.share)
        on_postgres = POSTGRES in scope.journal_modes
        every = all_faults(self.sweeps, on_postgres=on_postgres)
        named = [(n, fault) for n, fault in every.items() if scope.only in n]
        self._faults = dict(reversed(named) if scope.backwards else named)
        self.tallies = {name: Tally() for name in self._faults}

    def run(self, budget: Budget, tell: Callable[[str], None]) -> None:
        """Go on until the budget is spent; violations are told as they are found."""
        warm_up()
        if POSTGRES not in self._modes:
            self._run(budget, tell, None)
            return
        binaries = find_binaries()
        if binaries is None:
            message = "no PostgreSQL was found"
            raise FoundError(message)
        with running_server(binaries) as server:
            self._run(budget, tell, server)

    def _run(
        self, budget: Budget, tell: Callable[[str], None], postgres: PostgresServer | None
    ) -> None:
        self._postgres = postgres
        deadline = time.monotonic() + budget.seconds
        done = 0
        names = _round(self._faults)
        while done < budget.cycles and time.monotonic() < deadline:
            mode = self._modes[done // _CYCLES_OF_A_PLACE % len(self._modes)]
            with _place(mode, postgres=postgres) as (place, checker):
                for _ in range(min(_CYCLES_OF_A_PLACE, budget.cycles - done)):
                    if time.monotonic() > deadline:
                        break
                    name = names[done % len(names)]
                    done += 1
                    if found := self._cycle(place, checker, name):
                        tell(f"cycle {done} ({mode}), {name}: {'; '.join(found)}")
                        break

    def _cycle(self, usual: Place, checker: Checker, name: str) -> list[str]:
        fault = self._faults[name]
        tally = self.tallies[name]
        began = time.monotonic()
        if fault.on_small or fault.served or fault.warm:
            with _place(usual.journal_mode, fault, self._postgres) as (place, own_checker):
                deaths, found = self._torment(place, own_checker, fault)
        else:
            deaths, found = self._torment(usual, checker, fault)
        tally.count(deaths, found, time.monotonic() - began)
        return found

    def _torment(self, place: Place, checker: Checker, fault: Fault) -> tuple[int, list[str]]:
        seed, count = self._chance.getrandbits(32), self._chance.randint(2, 4)
        deaths = 0
        found = []
        others = [start(task) for task in _others(place, 0 if fault.alone else count, seed)]
        try:
            deaths = fault.deed(place, self._chance)
            if place.server is not None:
                place.server.mend()
            ends = [*(other.wait() for other in others), worker(place, until_quiet=True).wait()]
            found += [f"an undisturbed process ended with {e.code}" for e in ends if e.failed]
        except (FoundError, *ERRORS) as error:
            found.append(repr(error))
        dismiss()
        found += checker.violations()
        if place.server is not None:
            found += ServedChecker(place, place.server).violations(once=fault.once)
        if found:
            found.append(f"kept in {_keep(place, found)}")
        return deaths, found


def _others(place: Place, count: int, seed: int) -> Iterator[Callable[[], None]]:
    """Who works beside the workers."""
    if place.is_warm:
        yield partial(write_many, place.database, count, seed, WARM_MOODS)
    elif place.server is None:
        yield partial(write_many, place.database, count, seed)
    else:
        yield partial(write_many, place.database, count, seed, SERVED_MOODS)
        yield partial(use_as_others_do, place.server.url, count, seed)


def _round(faults: dict[str, Fault]) -> list[str]:
    """Each fault once, and then again those that are tried more often.

    Those of servers and of warm hosts are strewn among the others, so that a short campaign has
    some of each.
    """
    most = max((fault.weight for fault in faults.values()), default=0)
    order = [name for turn in range(most) for name in faults if turn < faults[name].weight]
    groups = [[n for n in order if (faults[n].served, faults[n].warm) == sort] for sort in _SORTS]
    places = [((i + 0.5) / len(group), n) for group in groups for i, n in enumerate(group)]
    return [name for _, name in sorted(places, key=lambda placed: placed[0])]


@contextlib.contextmanager
def _place(
    mode: str, fault: Fault | None = None, postgres: PostgresServer | None = None
) -> Iterator[tuple[Place, Checker]]:
    """A fresh place, with a small volume or a server where one is wanted; gone afterwards."""
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
        place = make_place(
            folder, mode, small, on_small, server, is_warm=is_warm, ahead=ahead, url=url
        )
        place = replace(place, postgres=postgres)
        yield place, Checker(place)


def _keep(place: Place, findings: list[str]) -> Path:
    """Copy the place of a violation to where it can be looked at, and what its servers know."""
    target = Path(tempfile.mkdtemp(prefix="chaos-violation-"))
    shutil.copytree(place.folder, target, symlinks=True, dirs_exist_ok=True)
    (target / "violations.txt").write_text("\n".join(findings))
    if isinstance(place.database, str):
        with (target / "database.txt").open("w") as file:
            for table, rows in all_rows(place.database).items():
                file.writelines(f"{table}: {row}\n" for row in rows)
    if place.server is not None:
        known = {"jobs": place.server.jobs(), "requests": place.server.requests()}
        (target / "server.json").write_text(json.dumps(known, indent=1, default=str))
    return target
