"""Whether a long run's resource use grows."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from benchmarks.reports import Trial

_TARGET_MB = 80.0
_FLAT_MB = 2.0
_EDGE = 100  # prompts at the start and at the end
_EVERY = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class _Look:
    """The resources of the process after so many prompts."""

    done: int
    megabytes: float
    descriptors: int
    threads: int


class _Progress:
    """Counts the prompts that a run reports, line by line, in a separate thread."""

    def __init__(self, stream: IO[str]) -> None:
        self.ready = 0
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until the stream has ended."""
        self._thread.join()

    def _read(self) -> None:
        for line in self._stream:
            self.ready += line.startswith("ready ")


def measure(trial: Trial) -> Report:
    """Resident memory, descriptors and threads of one long ``mediagen run``."""
    count = trial.choose(5_000, 600)
    database = fill_database(trial.folder / "shared.db", Contents(10_000, count))
    installation = install(trial.folder / "comfyui", database)
    trial.note(f"one run over {count:,} prompts")
    mediagen = Path(sysconfig.get_path("scripts")) / "mediagen"
    command = [str(mediagen), "run", "--kind", "image", "--config", str(installation.config)]
    looks = _watch(command, trial.folder, count)
    report = Report()
    _tell(report, looks, count)
    return report


def _watch(command: list[str], folder: Path, count: int) -> list[_Look]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MEDIA_GENERATOR_")
    }
    looks: list[_Look] = []
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        progress = _Progress(process.stdout)
        watched = psutil.Process(process.pid)
        try:
            while process.poll() is None:
                look = _look(watched, progress.ready)
                if look:
                    looks.append(look)
                time.sleep(_EVERY)
        finally:
            process.terminate()
        progress.wait()
    assert process.returncode == 0
    assert progress.ready == count
    return looks


def _look(process: psutil.Process, done: int) -> _Look | None:
    try:
        with process.oneshot():
            return _Look(
                done,
                process.memory_info().rss / 1_000_000,
                process.num_fds(),
                process.num_threads(),
            )
    except psutil.Error:  # it has ended
        return None


def _tell(report: Report, looks: list[_Look], count: int) -> None:
    stages = {
        f"first {_EDGE}": (1, _EDGE),
        "to the first quarter": (_EDGE, count // 4),
        "to the half": (count // 4, count // 2),
        "to the third quarter": (count // 2, count * 3 // 4),
        f"last {_EDGE}": (count - _EDGE, count),
    }
    found = {
        name: [look for look in looks if low <= look.done < high]
        for name, (low, high) in stages.items()
    }
    rows = [(name, *_row(inside)) for name, inside in found.items() if inside]
    report.table(("prompts", "MB resident", "descriptors, most", "threads, most"), rows)
    peak = max(look.megabytes for look in looks)
    settled, end = (_megabytes(found[name]).median for name in (list(stages)[1], list(stages)[-1]))
    report.verdict(
        f"under {_TARGET_MB:g} MB, and flat",
        f"{peak:.1f} MB at most, {end - settled:+.1f} MB from the first quarter to the end",
        met=peak < _TARGET_MB and end - settled < _FLAT_MB,
    )


def _row(looks: Sequence[_Look]) -> tuple[str, str, str]:
    return (
        _megabytes(looks).shown(1),
        str(max(look.descriptors for look in looks)),
        str(max(look.threads for look in looks)),
    )


def _megabytes(looks: Sequence[_Look]) -> Sample:
    return Sample(tuple(look.megabytes for look in looks))
