"""The time that a command takes to start."""

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

from benchmarks.builds import checkouts
from benchmarks.databases import Contents, fill_database
from benchmarks.import_times import import_times
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.reports import Trial

_BARE = "python -c pass"
_CLICK = "python -c 'import click'"
_TARGETS = {"mediagen --help": 1.3, "mediagen --version": 1.3, "mediagen status": 2.8}


def measure(trial: Trial) -> Report:
    """Milliseconds more than a bare interpreter, for each command."""
    database = fill_database(trial.folder / "shared.db", Contents(200, 0))
    installation = install(trial.folder / "comfyui", database)
    environment = _environment(installation.config)
    mediagen = Path(sysconfig.get_path("scripts")) / "mediagen"
    commands = {
        _BARE: [sys.executable, "-c", "pass"],
        _CLICK: [sys.executable, "-c", "import click"],
    }
    environments = dict.fromkeys(commands, environment)
    for build, checkout in checkouts().items():
        for arguments in ("--version", "--help", "status", "list", "run"):
            name = f"mediagen {arguments}{', before' if build == 'before' else ''}"
            commands[name] = [str(mediagen), arguments]
            environments[name] = environment | {"PYTHONPATH": str(checkout / "src")}
    rounds = trial.choose(21, 5)
    trial.note(f"{len(commands)} commands, {rounds} rounds")
    processor: dict[str, list[float]] = {name: [] for name in commands}

    def start(name: str) -> float:
        seconds, busy = _seconds(commands[name], environments[name], trial.folder)
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
    over = {name: busy[name].over(busy[_CLICK]) for name in samples}
    rows = [
        (
            f"`{name}`",
            sample.shown(0),
            sample.minus(samples[_BARE]).shown(0),
            busy[name].shown(0),
            over[name].shown(2),
        )
        for name, sample in samples.items()
    ]
    head = ("command", "ms", "over a bare Python", "processor ms", "times `import click`")
    report.table(head, rows)
    for name, target in _TARGETS.items():
        report.verdict(
            f"`{name}` at most {target:g} times as long as `import click` alone",
            over[name].shown(2),
            met=over[name].median <= target,
        )


def _environment(config: Path) -> dict[str, str]:
    """The environment with only our settings, without variables that change Python's start."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEDIA_GENERATOR_", "PYTHON"))
    }
    return kept | {"MEDIA_GENERATOR_CONFIG": str(config)}


def _seconds(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """Wall clock seconds of a command, and its processor seconds."""
    before = _processor_seconds()
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return seconds, _processor_seconds() - before


def _processor_seconds() -> float:
    """Processor seconds of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _in_milliseconds(seconds: Mapping[str, Sample | list[float]]) -> dict[str, Sample]:
    return {
        name: (found if isinstance(found, Sample) else Sample(tuple(found))).scaled(1000)
        for name, found in seconds.items()
    }
