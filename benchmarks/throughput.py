"""The queue's own throughput with instant renders, compared with other queues."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.builds import QueueProcess, checkouts
from benchmarks.floors import BareCommits
from benchmarks.peer_queues import HueyQueue, LiteQueue, PersistQueue
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from benchmarks.worker_crowd import measure_crowd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.peer_queues import PeerQueue
    from benchmarks.reports import Trial
    from benchmarks.samples import Sample

_READY = 10_000
_BUDGET = 90.0  # seconds, for disks where a commit takes long
_OURS = "Media Generator"
_BEFORE = f"{_OURS}, the build before"
_BUILDS: Final = {"now": _OURS, "before": _BEFORE}
_HUEY, _HUEY_KEEPS = "Huey, results dropped", "Huey, results kept"
_PERSIST, _LITE = "persist-queue", "litequeue"
_ONE, _TWO = "one bare commit", "two bare commits"
_LEAST: Final = {_HUEY_KEEPS: 1.2, _HUEY: 0.85}  # times as many as the peer


def measure(trial: Trial) -> Report:
    """Prompts a second, for one worker and for four."""
    report = Report()
    rates = {mode: _measure_mode(trial, mode, report) for mode in ("wal", "delete")}["wal"]
    for name, least in _LEAST.items():
        ratio = rates[_OURS].over(rates[name])
        report.verdict(
            f"on WAL at least {least:g} times as many as {name}",
            f"{ratio.shown()} times as many",
            met=ratio.median >= least,
        )
    measure_crowd(trial, report)
    return report


def _measure_mode(trial: Trial, mode: str, report: Report) -> dict[str, Sample]:
    batch = trial.choose(200, 80)
    rounds = trial.choose(21, 7) if mode == "wal" else trial.choose(11, 5)
    folder = trial.folder / mode
    folder.mkdir()
    trial.note(f"{mode}: {rounds} rounds of {batch}, interleaved")
    turns: dict[str, Callable[[], float]] = {}
    with ExitStack() as opened:
        for name, checkout in checkouts().items():
            count = batch * (rounds + 2)
            process = QueueProcess(checkout, folder / f"{name}.db", _READY, count, mode)
            build = opened.enter_context(process)
            build.drain(1)  # when it has filled its database
            turns[_BUILDS[name]] = partial(_rate, build.drain, batch)
        for name, peer in _peers(folder, mode).items():
            opened.enter_context(closing(peer))
            peer.fill(batch * (rounds + 1))
            turns[name] = partial(_rate, partial(_seconds, peer), batch)
        commits = opened.enter_context(closing(BareCommits(folder / "bare.db", mode)))
        turns[_TWO] = lambda: batch / commits.commit(2 * batch)
        turns[_ONE] = lambda: batch / commits.commit(batch)
        rates = interleaved(rounds, turns, warm_up=1, budget=_BUDGET)
    _tell(report, mode, rates)
    return rates


def _peers(folder: Path, mode: str) -> dict[str, PeerQueue]:
    hueys: dict[str, PeerQueue] = {
        name: HueyQueue(folder / f"huey-{keeps}.db", mode, keep_results=keeps)
        for name, keeps in ((_HUEY, False), (_HUEY_KEEPS, True))
    }
    if mode != "wal":  # the others set WAL themselves
        return hueys
    persist, lite = PersistQueue(folder / "persist"), LiteQueue(folder / "lite.db")
    return {**hueys, _PERSIST: persist, _LITE: lite}


def _tell(report: Report, mode: str, rates: dict[str, Sample]) -> None:
    rows = [
        (name, rate.shown(0), f"{rates[_OURS].over(rate).shown()}") for name, rate in rates.items()
    ]
    report.table((f"{mode.upper()}, one worker", "a second", "Media Generator against it"), rows)


def _rate(drain: Callable[[int], float], count: int) -> float:
    return count / drain(count)


def _seconds(peer: PeerQueue, count: int) -> float:
    began = time.perf_counter()
    peer.drain(count)
    return time.perf_counter() - began
