"""How long the renderer stands idle between two renders, and the time of a prompt in a drain.

Each figure comes from ``mediagen run`` as a process of its own. The workflow writes down when it
begins and when it ends. If ``BENCH_BEFORE`` names a checkout of an earlier build, that build renders
in turns with this one, each with a database and an output folder of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.filling import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.reports import Trial

_SRC = Path(__file__).resolve().parent.parent / "src"
_MAX_IDLE_MS = 10.0
_MAX_RATIO = 0.70
_NEW, _BEFORE = "this build", "the build before"
_WARM_UP = 2  # prompts of each run
_SIDE = 1024  # pixels
# bash tells the time without a process of its own.
_SCRIPT = """\
begin=$EPOCHREALTIME
for argument; do
    case $argument in
        --output=*) cp picture.png "${{argument#--output=}}/generated_image_001.png" ;;
    esac
done
sleep {seconds}
echo "$begin $EPOCHREALTIME" >> times
"""


@dataclass(frozen=True, slots=True)
class _Work:
    """A workflow: its name in the table, its picture, the seconds that it sleeps, its database."""

    name: str
    picture: bytes
    seconds: float
    journal_mode: str = "wal"


@dataclass(slots=True)
class _Times:
    """What several runs of one build took, in milliseconds."""

    idle: list[float]
    period: list[float]


def real_picture() -> bytes:
    """A picture of one megapixel as a PNG of 2.4 MB: a gradient with noise, always the same."""
    count = _SIDE * _SIDE * 3
    noise = Image.frombytes("RGB", (_SIDE, _SIDE), hashlib.shake_256(b"picture").digest(count))
    gradient = Image.linear_gradient("L").resize((_SIDE, _SIDE)).convert("RGB")
    buffer = BytesIO()
    Image.blend(gradient, noise, 0.17).save(buffer, "PNG")
    return buffer.getvalue()


def measure(trial: Trial) -> Report:
    """The idle time between two renders, and the time of a prompt, of each build in turns."""
    report = Report()
    bash = shutil.which("bash")
    if bash is None:
        report.say("Not measured: there is no bash.")
        return report
    picture = real_picture()
    works = [
        _Work("0.2 s, a PNG of 2.4 MB, WAL", picture, 0.2),
        _Work("0.2 s, a PNG of 2.4 MB, DELETE", picture, 0.2, "delete"),
        _Work("0.2 s, a PNG of 12 kB, WAL", b"", 0.2),
    ]
    builds = {_NEW: _SRC}
    if before := os.environ.get("BENCH_BEFORE"):
        builds[_BEFORE] = Path(before).resolve() / "src"
    for number, work in enumerate(works):
        times = _measure_work(trial, number, work, builds, bash)
        _tell(report, work, times)
    return report


def _measure_work(
    trial: Trial, number: int, work: _Work, builds: Mapping[str, Path], bash: str
) -> dict[str, _Times]:
    rounds, prompts = trial.choose(6, 2), trial.choose(16, 8)
    trial.note(f"{work.name}: {rounds} rounds of {prompts} prompts, {len(builds)} builds in turns")
    folders = {}
    for build in builds:
        folder = trial.folder / f"{number}-{build.replace(' ', '-')}"
        folder.mkdir()
        contents = Contents(1000, rounds * prompts, work.journal_mode)
        database = fill_database(folder / "shared.db", contents)
        script = _SCRIPT.format(seconds=work.seconds)
        sections = {
            "comfyui": {
                "python": bash,
                "comfyui_directory": str(folder / "comfyui"),
                "output_directory": "output",
            }
        }
        made = install(folder / "comfyui", database, script_text=script, sections=sections)
        if work.picture:
            (made.directory / "picture.png").write_bytes(work.picture)
        folders[build] = made
    times = {build: _Times([], []) for build in builds}
    for turn in range(rounds):
        order = list(builds) if turn % 2 == 0 else list(builds)[::-1]
        for build in order:
            made = folders[build]
            log = made.directory / "times"
            log.unlink(missing_ok=True)
            _run(made.config, builds[build], prompts)
            renders = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
            assert len(renders) == prompts, renders
            for earlier, later in pairwise(renders[_WARM_UP:]):
                times[build].idle.append((later[0] - earlier[1]) * 1000)
                times[build].period.append((later[0] - earlier[0]) * 1000)
    return times


def _run(config: Path, source: Path, prompts: int) -> None:
    """Drain a part of the queue with one build."""
    words: Sequence[str] = ("--config", str(config), "run", "--limit", str(prompts))
    program = "import sys; from entrypoints.cli import main; sys.argv[0] = 'mediagen'; main()"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _tell(report: Report, work: _Work, times: Mapping[str, _Times]) -> None:
    samples = {
        build: (Sample(tuple(one.idle)), Sample(tuple(one.period))) for build, one in times.items()
    }
    rows = [(build, idle.shown(1), period.shown(1)) for build, (idle, period) in samples.items()]
    head = (f"{work.name}, ms", "idle between two renders", "time of a prompt")
    report.table(head, rows)
    idle, period = samples[_NEW]
    report.verdict(
        f"the renderer is idle for at most {_MAX_IDLE_MS:g} ms between two renders",
        f"{idle.shown(1)} ms",
        met=idle.median <= _MAX_IDLE_MS,
    )
    if _BEFORE in samples:
        ratio = period.over(samples[_BEFORE][1])
        report.verdict(
            f"at most {_MAX_RATIO:g} times the time of a prompt before",
            f"{ratio.shown(2)} times",
            met=ratio.median <= _MAX_RATIO,
        )
