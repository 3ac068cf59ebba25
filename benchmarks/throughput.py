"""How many prompts that cost nothing the queue itself can move, beside another queue."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from benchmarks.crowd import measure_crowd
from benchmarks.filling import Contents, fill_database
from benchmarks.floors import BareCommits
from benchmarks.huey_queue import HueyQueue
from benchmarks.noop_queue import NoopQueue
from benchmarks.reports import Report
from benchmarks.samples import interleaved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.reports import Trial
    from benchmarks.samples import Sample

_READY = 10_000
_BUDGET = 90.0  # seconds, for disks where a commit takes long
_OURS = "Media Generator"
_HUEY, _HUEY_KEEPS = "Huey, results dropped", "Huey, results kept"
_ONE, _TWO = "one bare commit", "two bare commits"


def measure(trial: Trial) -> Report:
    """Prompts a second, for one worker and for four."""
    report = Report()
    rates = {mode: _measure_mode(trial, mode, report) for mode in ("wal", "delete")}["wal"]
    for name in (_HUEY, _HUEY_KEEPS):
        ratio = rates[_OURS].over(rates[name])
        report.verdict(
            f"on WAL at least as many as {name}",
            f"{ratio.shown()} times as many",
            met=ratio.median >= 1,
        )
    measure_crowd(trial, report)
    return report


def _measure_mode(trial: Trial, mode: str, report: Report) -> dict[str, Sample]:
    batch = trial.choose(100, 40)
    rounds = trial.choose(21, 7) if mode == "wal" else trial.choose(11, 5)
    folder = trial.folder / mode
    folder.mkdir()
    trial.note(f"{mode}: {rounds} rounds of {batch}, interleaved")
    contents = Contents(_READY, batch * (rounds + 2), mode)
    database = fill_database(folder / "shared.db", contents)
    with ExitStack() as opened:
        commits = opened.enter_context(closing(BareCommits(folder / "bare.db", mode)))
        ours = NoopQueue(opened.enter_context(closing(Connection(database, 30.0))))
        hueys = {
            keep: opened.enter_context(
                closing(HueyQueue(folder / f"huey-{keep}.db", mode, keep_results=keep))
            )
            for keep in (False, True)
        }
        for huey in hueys.values():
            huey.fill(batch * (rounds + 1))
        turns: Mapping[str, Callable[[], float]] = {
            _OURS: lambda: batch / _seconds(lambda: ours.drain(batch)),
            _HUEY: lambda: batch / _seconds(lambda: hueys[False].drain(batch)),
            _HUEY_KEEPS: lambda: batch / _seconds(lambda: hueys[True].drain(batch)),
            _TWO: lambda: batch / commits.commit(2 * batch),
            _ONE: lambda: batch / commits.commit(batch),
        }
        rates = interleaved(rounds, turns, warm_up=1, budget=_BUDGET)
    _tell(report, mode, rates)
    return rates


def _tell(report: Report, mode: str, rates: dict[str, Sample]) -> None:
    rows = [
        (name, rate.shown(0), f"{rates[_OURS].over(rate).shown()}") for name, rate in rates.items()
    ]
    report.table((f"{mode.upper()}, one worker", "a second", "Media Generator against it"), rows)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
