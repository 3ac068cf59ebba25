"""The speed-up by several slots, if rendering takes most of the time."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.arrivals import Author
from benchmarks.daemon_process import CLAIMED, READY, running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import COPIES, SHELL, install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.daemon_process import Line, RunningDaemon
    from benchmarks.reports import Trial
    from benchmarks.workflow import Installation

_SLEEP = 0.5  # seconds
_COUNTS = (1, 2, 4)
_TARGET = 0.95  # of the ideal
_READY = 10_000
_BUDGET = 240.0  # seconds


def measure(trial: Trial) -> Report:
    """Prompts a second with one, two and four slots, each compared with bare shell loops."""
    each, rounds = trial.choose(10, 2), trial.choose(6, 1)
    with ExitStack() as running:
        daemons = {slots: _started(trial, slots, running) for slots in _COUNTS}
        trial.note(f"{rounds} rounds of {each} prompts for each slot, taking turns")
        turns = {
            f"ours {slots}": partial(_daemon_rate, daemon, slots * each)
            for slots, (daemon, _) in daemons.items()
        } | {
            f"bare {slots}": partial(_bare_rate, installation, slots, each)
            for slots, (_, installation) in daemons.items()
        }
        rates = interleaved(rounds, turns, budget=_BUDGET)
    report = Report()
    _tell(report, rates, each)
    return report


def _started(trial: Trial, slots: int, running: ExitStack) -> tuple[RunningDaemon, Installation]:
    folder = trial.folder / str(slots)
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(_READY, 0))
    installation = install(
        folder / "comfyui",
        database,
        script_text=f"sleep {_SLEEP}\n{COPIES}",
        sections={"workers": {"shared": slots}},
    )
    (installation.directory / "bare").mkdir()
    daemon = running.enter_context(running_daemon(installation, database))
    daemon.warm_up()
    return daemon, installation


def _daemon_rate(daemon: RunningDaemon, count: int) -> float:
    daemon.read()
    Author.write(daemon.database, count)
    return rate(daemon.await_ready(count))


def rate(lines: Sequence[Line]) -> float:
    """Prompts a second, from the first claim to the last publication."""
    published = [line.at for line in lines if line.event == READY]
    began = min(line.at for line in lines if line.event == CLAIMED)
    return len(published) / (max(published) - began)


def _bare_rate(installation: Installation, slots: int, each: int) -> float:
    """Prompts a second of as many loops that only start the script: the machine's limit."""

    def loop(number: int) -> None:
        output = installation.directory / "bare" / str(number)
        output.mkdir(exist_ok=True)
        command = [SHELL, str(installation.script), f"--output={output}"]
        for _ in range(each):
            subprocess.run(command, cwd=installation.directory, check=True)

    began = time.perf_counter()
    with ThreadPoolExecutor(slots) as crowd:
        list(crowd.map(loop, range(slots)))
    return slots * each / (time.perf_counter() - began)


def _tell(report: Report, rates: dict[str, Sample], each: int) -> None:
    rows = []
    for slots in _COUNTS:
        ours, bare = rates[f"ours {slots}"], rates[f"bare {slots}"]
        rows.append(
            (
                f"{slots}",
                ours.shown(),
                _shares(rates, slots).shown(3),
                ours.scaled(_SLEEP / slots).shown(3),
                bare.scaled(_SLEEP / slots).shown(3),
            )
        )
    head = (
        f"slots, {each} prompts of {_SLEEP} s each",
        "prompts a second",
        "times one slot, of the ideal",
        "asleep, of the time",
        "bare loops: asleep",
    )
    report.table(head, rows)
    for slots in _COUNTS[1:]:
        share = _shares(rates, slots)
        report.verdict(
            f"{slots} slots at least {_TARGET * slots:g} times as fast as one",
            f"{share.scaled(slots).shown()} times",
            met=share.median >= _TARGET,
        )


def _shares(rates: dict[str, Sample], slots: int) -> Sample:
    """The rate of so many slots, divided by so many times the rate of one."""
    return rates[f"ours {slots}"].over(rates["ours 1"]).scaled(1 / slots)
