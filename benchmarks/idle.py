"""The resource use of an idle daemon."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from benchmarks.daemon_process import running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.workflow import install

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.daemon_process import RunningDaemon
    from benchmarks.reports import Trial

_TARGET_PERCENT = 1.0
_READY = 10_000
_SETTLING = 6.0  # seconds; longer than the interval of any periodic task


@dataclass(frozen=True, slots=True)
class Look:
    """A daemon's counters at one time.

    Attributes:
        at: time of the monotonic clock, in seconds.
        cpu_seconds: processor time so far.
        handed_over: bytes passed to write calls so far, including pipes; None if unknown.
        for_the_disk: bytes that the system must write to files so far; None if unknown.
        files: size and modification time of the database and the files beside it.
    """

    at: float
    cpu_seconds: float
    handed_over: int | None
    for_the_disk: int | None
    files: dict[str, tuple[int, int]]


def measure(trial: Trial) -> Report:
    """Processor time and writes in a minute, with a WAL and a DELETE database at once."""
    seconds = trial.choose(60, 3)
    with ExitStack() as running:
        daemons = {mode: _started(trial, mode, running) for mode in ("wal", "delete")}
        time.sleep(trial.choose(int(_SETTLING), 1))
        trial.note(f"{seconds} s of nothing")
        before = {mode: observe(daemon) for mode, daemon in daemons.items()}
        time.sleep(seconds)
        after = {mode: observe(daemon) for mode, daemon in daemons.items()}
    report = Report()
    rows = [row(mode, before[mode], after[mode]) for mode in daemons]
    head = (
        f"idle for {seconds} s",
        "processor s",
        "% of a core",
        "bytes handed over",
        "for the disk",
        "database",
    )
    report.table(head, rows)
    judge(report, before, after)
    return report


def _started(trial: Trial, mode: str, running: ExitStack) -> RunningDaemon:
    folder = trial.folder / mode
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(_READY, 0, mode))
    installation = install(folder / "comfyui", database)
    daemon = running.enter_context(running_daemon(installation, database))
    daemon.warm_up()
    return daemon


def observe(daemon: RunningDaemon) -> Look:
    """Its counters so far."""
    process = psutil.Process(daemon.pid)
    used = process.cpu_times()
    # macOS does not count what a process writes.
    counters = process.io_counters() if hasattr(process, "io_counters") else None
    return Look(
        time.monotonic(),
        used.user + used.system,
        getattr(counters, "write_chars", None),
        getattr(counters, "write_bytes", None),
        _files(daemon.database),
    )


def _files(database: Path) -> dict[str, tuple[int, int]]:
    # The shared memory beside a WAL (-shm) is ignored: locks change it, but no content.
    found = [database, database.with_name(f"{database.name}-wal")]
    found.append(database.with_name(f"{database.name}-journal"))
    return {
        path.name: (status.st_size, status.st_mtime_ns)
        for path in found
        if path.exists() and (status := path.stat())
    }


def percent(before: Look, after: Look) -> float:
    """Percent of one core, between two observations."""
    return 100 * (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at)


def row(mode: str, before: Look, after: Look) -> tuple[str, ...]:
    """The changes between two observations."""
    return (
        mode.upper(),
        f"{after.cpu_seconds - before.cpu_seconds:.2f}",
        f"{percent(before, after):.2f}",
        _difference(before.handed_over, after.handed_over),
        _difference(before.for_the_disk, after.for_the_disk),
        "unchanged" if before.files == after.files else "changed",
    )


def _difference(before: int | None, after: int | None) -> str:
    return "-" if before is None or after is None else f"{after - before:,}"


def judge(report: Report, before: dict[str, Look], after: dict[str, Look]) -> None:
    """Add the goal, and whether it was reached with each journal mode."""
    used = {mode: percent(before[mode], after[mode]) for mode in before}
    report.verdict(
        f"under {_TARGET_PERCENT:g} % of a core",
        " and ".join(f"{value:.2f} % on {mode.upper()}" for mode, value in used.items()),
        met=max(used.values()) < _TARGET_PERCENT,
    )
    changed = [mode.upper() for mode in before if before[mode].files != after[mode].files]
    report.verdict(
        "nothing written to the database, its log or its journal",
        f"something on {' and '.join(changed)}" if changed else "nothing",
        met=not changed,
    )
