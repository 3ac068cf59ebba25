"""Whether a daemon's resource use grows with its renders."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from benchmarks.arrivals import Author
from benchmarks.daemon_process import running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.daemon_process import RunningDaemon
    from benchmarks.reports import Trial

_SLOTS = 2
_READY = 10_000
# SQLite keeps up to 2 MB of pages for each of two connections, which fill as the database grows.
_CACHES_MB = 2 * 2.048
_FLAT_MB = 2.0
_FLAT_AT_LAST_MB = 1.0
_REST = 1.0  # seconds in which tasks after a render end


@dataclass(frozen=True, slots=True)
class Rest:
    """An idle daemon, after so many renders."""

    renders: int
    megabytes: float
    descriptors: int
    threads: int


def measure(trial: Trial) -> Report:
    """Memory, descriptors and threads of one daemon with two slots, idle between batches."""
    stages = [trial.choose(count, count // 50) for count in (1_000, 2_500, 5_000, 10_000)]
    database = fill_database(trial.folder / "shared.db", Contents(_READY, 0))
    sections = {"workers": {"shared": _SLOTS}}
    installation = install(trial.folder / "comfyui", database, sections=sections)
    rests: list[Rest] = []
    with running_daemon(installation, database) as daemon:
        for done, goal in zip([0, *stages], stages, strict=False):
            trial.note(f"{goal - done:,} renders, {goal:,} in all")
            Author.write(database, goal - done)
            daemon.await_ready(goal - done)
            time.sleep(_REST)
            rests.append(observe(daemon, goal))
    report = Report()
    report_growth(report, rests)
    return report


def observe(daemon: RunningDaemon, renders: int) -> Rest:
    """The process's current resources."""
    process = psutil.Process(daemon.pid)
    with process.oneshot():
        megabytes = process.memory_info().rss / 1_000_000
        return Rest(renders, megabytes, process.num_fds(), process.num_threads())


def report_growth(report: Report, rests: Sequence[Rest]) -> None:
    """Add the observations, comparing the first with the last."""
    rows = [
        (f"{rest.renders:,}", f"{rest.megabytes:.1f}", str(rest.descriptors), str(rest.threads))
        for rest in rests
    ]
    report.table(("at rest, after renders", "MB resident", "descriptors", "threads"), rows)
    first, last = rests[0], rests[-1]
    grown, at_last = (last.megabytes - rest.megabytes for rest in (first, rests[-2]))
    descriptors, threads = last.descriptors - first.descriptors, last.threads - first.threads
    report.verdict(
        f"after {last.renders:,} renders no more descriptors and threads than after"
        f" {first.renders:,}, less than {_FLAT_MB:g} MB more beyond SQLite's caches"
        f" ({_CACHES_MB:.1f} MB), and less than {_FLAT_AT_LAST_MB:g} MB more in the last half",
        f"{descriptors:+} descriptors, {threads:+} threads, {grown:+.1f} MB,"
        f" {at_last:+.1f} MB in the last half",
        met=grown < _CACHES_MB + _FLAT_MB
        and at_last < _FLAT_AT_LAST_MB
        and descriptors <= 0
        and threads <= 0,
    )
