"""How long a command takes before it can do anything."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import sysconfig
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.filling import Contents, fill_database
from benchmarks.import_times import import_times
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.reports import Trial

_BARE = "python -c pass"
_TARGETS_MS = {"mediagen --help": 80, "mediagen status": 300}


def measure(trial: Trial) -> Report:
    """Milliseconds over a bare interpreter, command by command."""
    database = fill_database(trial.folder / "shared.db", Contents(200, 0))
    installation = install(trial.folder / "comfyui", database)
    environment = _environment(installation.config)
    mediagen = Path(sysconfig.get_path("scripts")) / "mediagen"
    commands = {_BARE: [sys.executable, "-c", "pass"]}
    for arguments in ("--version", "--help", "status", "list", "run"):
        commands[f"mediagen {arguments}"] = [str(mediagen), arguments]
    rounds = trial.choose(21, 5)
    trial.note(f"{len(commands)} commands, {rounds} rounds")
    processor: dict[str, list[float]] = {name: [] for name in commands}

    def start(name: str) -> float:
        seconds, busy = _seconds(commands[name], environment, trial.folder)
        processor[name].append(busy)
        return seconds

    samples = interleaved(rounds, {name: partial(start, name) for name in commands})
    report = Report()
    _tell(report, _in_milliseconds(samples), _in_milliseconds(processor))
    trial.note("what status imports")
    status = [sys.executable, "-X", "importtime", str(mediagen), "status"]
    report.table(
        ("imported by status", "modules", "ms of their own"),
        import_times(status, environment, trial.folder, trial.choose(11, 3))[:8],
    )
    return report


def _tell(report: Report, samples: dict[str, Sample], busy: dict[str, Sample]) -> None:
    over = {name: sample.minus(samples[_BARE]) for name, sample in samples.items()}
    rows = [
        (
            f"`{name}`",
            sample.shown(0),
            "-" if name == _BARE else over[name].shown(0),
            sample.over(samples[_BARE]).shown(1),
            busy[name].shown(0),
        )
        for name, sample in samples.items()
    ]
    head = ("command", "ms", "over a bare Python", "times a bare Python", "processor ms")
    report.table(head, rows)
    for name, target in _TARGETS_MS.items():
        report.verdict(
            f"`{name}` within {target} ms over a bare Python",
            f"{over[name].shown(0)} ms",
            met=over[name].median <= target,
        )


def _environment(config: Path) -> dict[str, str]:
    """As found, but with settings of ours alone, and no variable that changes Python's start."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEDIA_GENERATOR_", "PYTHON"))
    }
    return kept | {"MEDIA_GENERATOR_CONFIG": str(config)}


def _seconds(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """How long a command ran, and for how long of that it kept a processor busy."""
    before = _processor_seconds()
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return seconds, _processor_seconds() - before


def _processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _in_milliseconds(seconds: Mapping[str, Sample | list[float]]) -> dict[str, Sample]:
    return {
        name: (found if isinstance(found, Sample) else Sample(tuple(found))).scaled(1000)
        for name, found in seconds.items()
    }
