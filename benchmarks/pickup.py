"""The latency until an idle daemon claims what another program commits."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.arrivals import arrive
from benchmarks.daemon_process import CLAIMED, READY, running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import COPIES, install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.queues import Queue
    from pathlib import Path

    from benchmarks.daemon_process import Line
    from benchmarks.reports import Trial

_MEDIAN_MS, _WORST_MS = 300.0, 1000.0
_READY = 10_000
_APART = (0.2, 0.5)  # seconds between two arrivals
_PATIENCE = 300.0  # seconds
# An empty file is created without another process: its time is when the script's first line ran.
_STAMPS = """\
for argument; do
    case $argument in
        --output=*) : > "stamps/${argument##*/}" ;;
    esac
done
"""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from the commit of a prompt.

    Attributes:
        to_claim: until the daemon had claimed it, according to its log.
        to_script: until the first line of the workflow ran.
    """

    to_claim: Sample
    to_script: Sample


def measure(trial: Trial) -> Report:
    """Milliseconds from a commit to the claim and to the workflow, with WAL and DELETE."""
    report = Report()
    found = {mode: _measure_mode(trial, mode) for mode in ("wal", "delete")}
    count = len(found["wal"].to_script.values)
    rows = [row for mode, latencies in found.items() for row in _rows(mode, latencies)]
    head = (f"{count} arrivals, ms from the commit", "median", "95 of 100 within", "worst")
    report.table(head, rows)
    for mode, latencies in found.items():
        median, worst = latencies.to_script.median, max(latencies.to_script.values)
        report.verdict(
            f"on {mode.upper()} the workflow within {_MEDIAN_MS:g} ms (median)"
            f" and {_WORST_MS:g} ms (worst)",
            f"{median:.0f} ms and {worst:.0f} ms",
            met=median <= _MEDIAN_MS and worst <= _WORST_MS,
        )
    return report


def _measure_mode(trial: Trial, mode: str) -> Latencies:
    count = trial.choose(200, 10)
    folder = trial.folder / mode
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(_READY, 0, mode))
    installation = install(folder / "comfyui", database, script_text=_STAMPS + COPIES)
    (installation.directory / "stamps").mkdir()
    trial.note(f"{mode}: {count} arrivals at an idle daemon")
    with running_daemon(installation, database) as daemon:
        daemon.warm_up()
        commits = _arrivals(database, count)
        daemon.await_ready(count - sum(line.event == READY for line in daemon.read()))
    return latencies(commits, daemon.lines, stamps_in(installation.directory / "stamps"))


def _arrivals(database: Path, count: int) -> dict[int, float]:
    """Let another process commit prompts; returns the times, by the prompt's id."""
    context = multiprocessing.get_context("spawn")
    committed: Queue[dict[int, float]] = context.Queue()
    process = context.Process(target=arrive, args=(database, count, _APART, count, committed))
    process.start()
    moments = committed.get(timeout=_PATIENCE)
    process.join(_PATIENCE)
    return moments


def stamps_in(folder: Path) -> dict[int, float]:
    """When the script first ran for each prompt; its id is the second part of the name."""
    return {
        int(stamp.name.split("-")[1]): stamp.stat().st_mtime_ns / 1e9 for stamp in folder.iterdir()
    }


def latencies(
    commits: Mapping[int, float], lines: Sequence[Line], stamps: Mapping[int, float]
) -> Latencies:
    """Combine the times of three clocks of one machine, all in seconds since the epoch.

    Raises:
        KeyError: a prompt was never claimed, or its workflow never ran.
    """
    claims = {line.prompt_id: line.at for line in lines if line.event == CLAIMED}
    return Latencies(
        Sample(tuple(claims[prompt_id] - at for prompt_id, at in commits.items())).scaled(1000),
        Sample(tuple(stamps[prompt_id] - at for prompt_id, at in commits.items())).scaled(1000),
    )


def _rows(mode: str, latencies: Latencies) -> list[tuple[str, ...]]:
    return [
        (
            f"{mode.upper()}, to {name}",
            sample.shown(0),
            f"{sample.percentile(95):.0f}",
            f"{max(sample.values):.0f}",
        )
        for name, sample in (
            ("the claim", latencies.to_claim),
            ("the workflow's first line", latencies.to_script),
        )
    ]
