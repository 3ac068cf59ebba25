"""How long a command takes before it can do anything."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.filling import Contents, fill_database
from benchmarks.import_times import import_times
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from benchmarks.reports import Trial
    from benchmarks.samples import Sample

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
    rounds = trial.choose(21, 9)
    trial.note(f"{len(commands)} commands, {rounds} rounds")
    turns = {
        name: lambda command=command: _seconds(command, environment, trial.folder)
        for name, command in commands.items()
    }
    samples = interleaved(rounds, turns, warm_up=2)
    report = Report()
    _tell(report, {name: sample.scaled(1000) for name, sample in samples.items()})
    trial.note("what status imports")
    status = [sys.executable, "-X", "importtime", str(mediagen), "status"]
    report.table(
        ("imported by status", "modules", "ms of their own"),
        import_times(status, environment, trial.folder)[:12],
    )
    return report


def _tell(report: Report, samples: dict[str, Sample]) -> None:
    over = {name: sample.minus(samples[_BARE]) for name, sample in samples.items()}
    rows = [
        (f"`{name}`", sample.shown(0), "-" if name == _BARE else over[name].shown(0))
        for name, sample in samples.items()
    ]
    report.table(("command", "ms", "over a bare Python"), rows)
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


def _seconds(command: list[str], environment: dict[str, str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
