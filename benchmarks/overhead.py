"""The overhead of the whole application, for a workflow that does next to nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.builds import DrainProcess, checkouts
from benchmarks.databases import Contents, fill_database
from benchmarks.floors import BareCommits, BareFlushes
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import SHELL, install, megapixel_picture, painted_picture, small_picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.builds import Batch
    from benchmarks.reports import Trial
    from benchmarks.workflow import Installation

_TARGET_MS = 6.0
_READY = 100_000
_BATCH = 10
_NOW, _BEFORE = "now", "before"
# Writes a megabyte to a new file and flushes it, again and again.
_WRITER = """
import itertools, os, sys
for number in itertools.count():
    with open(f"{sys.argv[1]}-{number % 8}", "wb", buffering=0) as file:
        file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
"""
_WRITERS = 2


@dataclass(frozen=True, slots=True)
class _Case:
    """A row of the comparison: a journal mode, a picture, and whether the disk is busy."""

    mode: str
    picture: str
    loaded: bool = False

    @property
    def name(self) -> str:
        return f"{self.mode.upper()}, {self.picture}{', busy disk' if self.loaded else ''}"


_PICTURES = {
    "12 kB": small_picture,
    "2.4 MB": megapixel_picture,
    "2.4 MB painted": painted_picture,
}
_CASES = (
    _Case("wal", "12 kB"),
    _Case("wal", "12 kB", loaded=True),
    _Case("wal", "2.4 MB"),
    _Case("wal", "2.4 MB", loaded=True),
    _Case("delete", "12 kB"),
    _Case("delete", "2.4 MB"),
    _Case("wal", "2.4 MB painted"),
)

_MOST_OF_BEFORE = {
    _CASES[0]: 0.75,
    _CASES[1]: 0.5,
    _CASES[2]: 0.5,
    _CASES[4]: 0.8,
    _CASES[6]: 0.5,
}


class _BareLoop:
    """A minimal program for rendering pictures: no queue, no check, no flush."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._folder = installation.directory / "bare"
        self._folder.mkdir()
        self._count = 0

    def render(self) -> None:
        self._count += 1
        output = self._folder / str(self._count)
        output.mkdir()
        command = [
            SHELL,
            str(self._installation.script),
            "--prompt=A serene mountain lake at dawn, mist over the water, first light",
            "--negative-prompt=crowds, harsh shadows",
            f"--output={output}",
            "--queue-size=1",
        ]
        subprocess.run(command, cwd=self._installation.directory, check=True)


@dataclass(frozen=True, slots=True)
class _Result:
    """Samples of one case in milliseconds for each prompt; those of builds by name."""

    bare: Sample
    commit: Sample
    flushes: Sample
    whole: dict[str, Sample]
    processor: dict[str, Sample]

    def added(self, build: str) -> Sample:
        return self.whole[build].minus(self.bare)


def measure(trial: Trial) -> Report:
    """Milliseconds added for each prompt, with a WAL and a DELETE database, small and real."""
    rounds = trial.choose(20, 5)
    results: dict[_Case, _Result] = {}
    for mode in ("wal", "delete"):
        trial.note(f"{mode}: filling a database with {_READY:,} ready prompts")
        folder = trial.folder / mode
        folder.mkdir()
        count = len(_CASES) * (rounds + 2) * (_BATCH + 1)
        filled = fill_database(folder / "filled.db", Contents(_READY, count, mode))
        for case in _CASES:
            if case.mode == mode:
                trial.note(f"{case.name}: {rounds} rounds of {_BATCH}")
                place = folder / str(len(results))
                place.mkdir()
                results[case] = _measure(case, place, filled, rounds)
                shutil.rmtree(place)
    return _report(results)


def _measure(case: _Case, folder: Path, filled: Path, rounds: int) -> _Result:
    picture = _PICTURES[case.picture]()
    bare_times: list[float] = []
    commit_times: list[float] = []
    flush_times: list[float] = []
    with ExitStack() as opened:
        builds: dict[str, DrainProcess] = {}
        loops: list[_BareLoop] = []
        for name, checkout in checkouts().items():
            database = folder / f"{name}.db"
            shutil.copy(filled, database)
            installed = install(folder / name, database)
            (installed.directory / "picture.png").write_bytes(picture)
            builds[name] = opened.enter_context(DrainProcess(checkout, installed.config))
            loops.append(_BareLoop(installed))
        commits = opened.enter_context(closing(BareCommits(folder / "bare.db", case.mode)))
        flushes = BareFlushes(folder / "flushes", picture)
        if case.loaded:
            opened.enter_context(busy_disk(folder))
        batches: dict[str, list[Batch]] = {name: [] for name in builds}
        for number in range(-1, rounds):
            # Every second round runs backwards, so that none always follows the same neighbour.
            for name in list(builds)[:: -1 if number % 2 else 1]:
                batch = builds[name].drain(_BATCH)
                if number >= 0:
                    batches[name].append(batch)
            if number >= 0:
                began = time.perf_counter()
                for _ in range(_BATCH):
                    loops[0].render()
                bare_times.append((time.perf_counter() - began) / _BATCH)
                commit_times.append(commits.commit(_BATCH) / _BATCH)
                flush_times.append(flushes.publish(_BATCH) / _BATCH)
    return _Result(
        _milliseconds(bare_times),
        _milliseconds(commit_times),
        _milliseconds(flush_times),
        {name: _milliseconds([b.seconds for b in all_]) for name, all_ in batches.items()},
        {
            name: _milliseconds([b.processor_seconds for b in all_])
            for name, all_ in batches.items()
        },
    )


def _milliseconds(seconds: list[float]) -> Sample:
    return Sample(tuple(seconds)).scaled(1000)


@contextmanager
def busy_disk(folder: Path) -> Iterator[None]:
    """Other programs write and flush files on the same disk meanwhile."""
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(folder / f"load-{number}")])
        for number in range(_WRITERS)
    ]
    try:
        yield
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def _report(results: dict[_Case, _Result]) -> Report:
    report = Report()
    report.table(
        (
            "ms for each prompt",
            "bare loop",
            "**added**",
            "five flushes, bare",
            "one commit, bare",
            "processor time",
        ),
        [
            (
                case.name,
                result.bare.shown(1),
                f"**{result.added(_NOW).shown(1)}**",
                result.flushes.shown(1),
                result.commit.shown(1),
                result.processor[_NOW].shown(1),
            )
            for case, result in results.items()
        ],
    )
    quiet = results[_CASES[0]].added(_NOW)
    report.verdict(
        f"at most {_TARGET_MS:g} ms added on WAL with the small picture",
        f"{quiet.shown()} ms",
        met=quiet.median <= _TARGET_MS,
    )
    if _BEFORE in results[_CASES[0]].whole:
        _compare(results, report)
    return report


def _compare(results: dict[_Case, _Result], report: Report) -> None:
    """Add the overhead of the build before, and the ratios."""
    ratios = {
        case: result.added(_NOW).over(result.added(_BEFORE)) for case, result in results.items()
    }
    report.table(
        ("in turns with the build before", "before: added", "now: added", "now / before"),
        [
            (
                case.name,
                result.added(_BEFORE).shown(1),
                result.added(_NOW).shown(1),
                ratios[case].shown(),
            )
            for case, result in results.items()
        ],
    )
    for case, most in _MOST_OF_BEFORE.items():
        report.verdict(
            f"{case.name}: at most {most:g} times what the build before adds",
            f"{ratios[case].shown()} times",
            met=ratios[case].median <= most,
        )
