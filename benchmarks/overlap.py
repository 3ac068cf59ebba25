"""The renderer's idle time between two renders, and the time for each prompt in a drain.

The workflow records its start and end. Exports that run as separate processes import ComfyUI for
every prompt; only their time for each prompt is measured. If ``BENCH_BEFORE`` names a checkout of
an earlier build, that build renders in turns with this one.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.builds import DrainProcess, checkouts
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import install, megapixel_picture, small_picture
from tests import exports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.reports import Trial

_MAX_IDLE_MS = 10.0
_MAX_RATIO = 0.70
_MAX_EXPORT_RATIO = 0.55
_EXPORT_IMPORTS, _EXPORT_RENDERS = 0.3, 0.2  # seconds
_NOW, _BEFORE = "now", "before"
_READY = 1000
_BATCH = 5
_SECONDS = 0.2
_PICTURES = {"12 kB": small_picture, "2.4 MB": megapixel_picture}
_CASES = (("wal", "2.4 MB"), ("delete", "2.4 MB"), ("wal", "12 kB"))
# bash prints the time without another process.
_SCRIPT = f"""\
begin=$EPOCHREALTIME
for argument; do
    case $argument in
        --output=*) cp picture.png "${{argument#--output=}}/generated_image_001.png" ;;
    esac
done
sleep {_SECONDS}
echo "$begin $EPOCHREALTIME" >> times
"""


@dataclass(slots=True)
class _Times:
    """Times of one build's batches, in milliseconds."""

    idle: list[float] = field(default_factory=list)
    period: list[float] = field(default_factory=list)

    def add(self, log: Path) -> None:
        """Add the renders of a batch, which recorded their start and end."""
        renders = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
        log.unlink()
        for earlier, later in pairwise(renders):
            self.idle.append((later[0] - earlier[1]) * 1000)
            self.period.append((later[0] - earlier[0]) * 1000)


def measure(trial: Trial) -> Report:
    """Idle time between two renders, and time for each prompt, of each build in turns."""
    report = Report()
    bash = shutil.which("bash")
    if bash is None:
        report.say("Not measured: there is no bash.")
        return report
    for mode, picture in _CASES:
        name = f"{_SECONDS:g} s, a PNG of {picture}, {mode.upper()}"
        folder = trial.folder / f"{mode}-{len(report.parts)}"
        folder.mkdir()
        rounds = trial.choose(20, 4)
        trial.note(f"{name}: {rounds} rounds of {_BATCH}, {len(checkouts())} builds in turns")
        _tell(report, name, _measure(folder, mode, _PICTURES[picture](), bash, rounds))
    _tell_exports(trial, report)
    return report


def _tell_exports(trial: Trial, report: Report) -> None:
    """The time for each prompt of exports without a warm host, of each build in turns."""
    rounds = trial.choose(12, 2)
    name = f"an export that imports for {_EXPORT_IMPORTS:g} s and renders for {_EXPORT_RENDERS:g} s"
    trial.note(f"{name}: {rounds} rounds of {_BATCH}, {len(checkouts())} builds in turns")
    folder = trial.folder / "exports"
    folder.mkdir()
    filled = fill_database(folder / "filled.db", Contents(_READY, (rounds + 1) * _BATCH, "wal"))
    periods: dict[str, list[float]] = {build: [] for build in checkouts()}
    variables = {
        "COMFYUI_IMPORT_SECONDS": str(_EXPORT_IMPORTS),
        "COMFYUI_DRAW_SECONDS": str(_EXPORT_RENDERS),
    }
    with ExitStack() as opened:
        builds = {}
        for build, checkout in checkouts().items():
            database = folder / f"{build}.db"
            shutil.copy(filled, database)
            made = install(folder / build, database, sections=_export_sections(folder / build))
            exports.install(folder / build)
            builds[build] = opened.enter_context(DrainProcess(checkout, made.config, variables))
        for number in range(-1, rounds):
            for build in list(builds)[:: -1 if number % 2 else 1]:
                batch = builds[build].drain(_BATCH - 1)
                if number >= 0:
                    periods[build].append(batch.seconds * 1000)
    samples = {build: Sample(tuple(times)) for build, times in periods.items()}
    rows = [(build, sample.shown(1)) for build, sample in samples.items()]
    report.table((f"{name}, ms", "time of a prompt"), rows)
    if _BEFORE in samples:
        ratio = samples[_NOW].over(samples[_BEFORE])
        report.verdict(
            f"at most {_MAX_EXPORT_RATIO:g} times the time of a prompt before",
            f"{ratio.shown(2)} times",
            met=ratio.median <= _MAX_EXPORT_RATIO,
        )


def _export_sections(directory: Path) -> Mapping[str, Mapping[str, object]]:
    """Settings for the tests' export, with a process for each prompt."""
    script = str(directory / "ComfyUI" / "poets_service" / "export.py")
    return {
        "comfyui": {
            "python": sys.executable,
            "comfyui_directory": str(directory / "ComfyUI"),
            "output_directory": str(directory / "output"),
        },
        "media": {"scripts": {"image": script, "music": script}, "warm": {"image": "off"}},
    }


def _measure(
    folder: Path, mode: str, picture: bytes, bash: str, rounds: int
) -> Mapping[str, _Times]:
    filled = fill_database(folder / "filled.db", Contents(_READY, (rounds + 1) * _BATCH, mode))
    times = {name: _Times() for name in checkouts()}
    with ExitStack() as opened:
        builds = {}
        for name, checkout in checkouts().items():
            database = folder / f"{name}.db"
            shutil.copy(filled, database)
            directory = folder / name
            comfyui = {
                "python": bash,
                "comfyui_directory": str(directory),
                "output_directory": "output",
            }
            made = install(directory, database, script_text=_SCRIPT, sections={"comfyui": comfyui})
            (directory / "picture.png").write_bytes(picture)
            builds[name] = opened.enter_context(DrainProcess(checkout, made.config))
        for number in range(-1, rounds):
            for name in list(builds)[:: -1 if number % 2 else 1]:
                builds[name].drain(_BATCH - 1)
                log = folder / name / "times"
                if number >= 0:
                    times[name].add(log)
                else:
                    log.unlink()
    return times


def _tell(report: Report, name: str, times: Mapping[str, _Times]) -> None:
    samples = {
        build: (Sample(tuple(one.idle)), Sample(tuple(one.period))) for build, one in times.items()
    }
    rows = [(build, idle.shown(1), period.shown(1)) for build, (idle, period) in samples.items()]
    head = (f"{name}, ms", "idle between two renders", "time of a prompt")
    report.table(head, rows)
    idle, period = samples[_NOW]
    report.verdict(
        f"the renderer is idle for at most {_MAX_IDLE_MS:g} ms between two renders",
        f"{idle.shown(1)} ms",
        met=idle.median <= _MAX_IDLE_MS,
    )
    if _BEFORE in samples and "2.4 MB" in name:
        ratio = period.over(samples[_BEFORE][1])
        report.verdict(
            f"at most {_MAX_RATIO:g} times the time of a prompt before",
            f"{ratio.shown(2)} times",
            met=ratio.median <= _MAX_RATIO,
        )
