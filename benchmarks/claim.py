"""The time of claiming the next prompt, for different numbers of prompts."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Selection
from benchmarks.databases import Contents, fill_database, repository
from benchmarks.floors import BareCommits
from benchmarks.machine import memory_folder
from benchmarks.reports import Report
from benchmarks.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.reports import Trial

_TARGET_MS = 0.5
_FEW = 1_000  # pending prompts, if most are ready
_WARM_UP = 5


class _TimedConnection(Connection):
    """A connection that measures its last write transaction, with and without its commit."""

    before_commit = whole = 0.0

    @contextmanager
    def writing(self, *prompt_ids: int, wakes: bool = False) -> Iterator[None]:
        began = time.perf_counter()
        ended = began
        with super().writing(*prompt_ids, wakes=wakes):
            yield
            ended = time.perf_counter()
        self.before_commit = ended - began
        self.whole = time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class _Timing:
    """Samples in milliseconds.

    Attributes:
        whole: claim_next with its commit.
        statements: the transaction before its commit.
        bare: a bare commit beside each.
        idle: claim_next without pending prompts.
    """

    whole: Sample
    statements: Sample
    bare: Sample
    idle: Sample


@dataclass(frozen=True, slots=True)
class _Case:
    """One database to claim from."""

    prompts: int
    all_pending: bool
    indexes: bool

    @property
    def contents(self) -> Contents:
        pending = self.prompts if self.all_pending else _FEW
        return Contents(self.prompts - pending, pending, "wal", self.indexes)

    @property
    def name(self) -> str:
        return f"{self.prompts:,}, {'all pending' if self.all_pending else 'most ready'}"


def measure(trial: Trial) -> Report:
    """claim_next alone, for different numbers of prompts."""
    sizes = (10_000, 100_000) if trial.quick else (10_000, 100_000, 1_000_000)
    cases = [
        _Case(size, all_pending=pending, indexes=True)
        for size in sizes
        for pending in (False, True)
    ]
    cases += [_Case(size, all_pending=False, indexes=False) for size in (10_000, 100_000)]
    on_disk: dict[_Case, _Timing] = {}
    in_memory: dict[_Case, _Timing] = {}
    for case in cases:
        trial.note(f"{case.name}{'' if case.indexes else ', without index'}")
        on_disk[case], without_disk = _measure_case(trial, case)
        if without_disk:
            in_memory[case] = without_disk
    report = Report()
    for indexes in (True, False):
        _tell(report, [case for case in cases if case.indexes is indexes], on_disk, in_memory)
    _judge(report, cases, in_memory or on_disk, whole=bool(in_memory))
    return report


def _measure_case(trial: Trial, case: _Case) -> tuple[_Timing, _Timing | None]:
    """The case on the disk, and if possible in memory."""
    count = trial.choose(500, 60) if case.indexes else trial.choose(60, 15)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=trial.folder)))
        database = fill_database(folder / "shared.db", case.contents)
        place = memory_folder(4 * database.stat().st_size)
        without_disk = None
        if place:
            fast = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place)))
            shutil.copy(database, fast / database.name)
            without_disk = _time_claims(fast / database.name, case, count)
        return _time_claims(database, case, count), without_disk


def _time_claims(database: Path, case: _Case, count: int) -> _Timing:
    whole, statements, bare = [], [], []
    with ExitStack() as opened:
        connection = opened.enter_context(closing(_TimedConnection(database, 30.0)))
        commits = opened.enter_context(closing(BareCommits(database.with_name("bare.db"), "wal")))
        queue = repository(connection, indexes=case.indexes)
        for _ in range(count + _WARM_UP):
            began = time.perf_counter()
            claim = queue.claim_next(Selection())
            whole.append(time.perf_counter() - began)
            assert claim is not None
            statements.append(connection.before_commit)
            bare.append(commits.commit())
        _make_all_ready(database)
        idle = []
        for _ in range(count + _WARM_UP):
            began = time.perf_counter()
            claim = queue.claim_next(Selection())
            idle.append(time.perf_counter() - began)
            assert claim is None
    return _Timing(*(_milliseconds(values) for values in (whole, statements, bare, idle)))


def _make_all_ready(database: Path) -> None:
    with closing(sqlite3.connect(database, timeout=30)) as driver, driver:
        driver.execute("UPDATE prompts SET artifact_status = 'ready'")


def _milliseconds(seconds: list[float]) -> Sample:
    return Sample(tuple(seconds[_WARM_UP:])).scaled(1000)


def _tell(
    report: Report,
    cases: list[_Case],
    on_disk: dict[_Case, _Timing],
    in_memory: dict[_Case, _Timing],
) -> None:
    rows = []
    for case in cases:
        timing, fast = on_disk[case], in_memory.get(case)
        rows.append(
            (
                case.name,
                _with_tail(timing.statements),
                _with_tail(fast.whole) if fast else "-",
                _with_tail(timing.whole),
                _with_tail(timing.bare),
                _with_tail(timing.idle),
            )
        )
    head = (
        f"prompts, {'with' if cases[0].indexes else 'without'} our indexes",
        "statements",
        "whole, no disk",
        "whole",
        "a bare commit",
        "nothing pending",
    )
    report.table(head, rows)


def _judge(
    report: Report, cases: list[_Case], timings: dict[_Case, _Timing], *, whole: bool
) -> None:
    indexed = [case for case in cases if case.indexes]
    medians = [
        (timings[case].whole if whole else timings[case].statements).median for case in indexed
    ]
    report.verdict(
        f"a claim under {_TARGET_MS:g} ms, disk apart, and no slower with more prompts",
        f"{min(medians):.2f} to {max(medians):.2f} ms from {indexed[0].prompts:,} to"
        f" {indexed[-1].prompts:,} prompts",
        met=max(medians) < _TARGET_MS and max(medians) < 2 * min(medians),
    )


def _with_tail(sample: Sample) -> str:
    return f"{sample.median:.2f} / {sample.percentile(99):.2f}"
