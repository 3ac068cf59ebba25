"""Several worker processes with one database: their speed-up, and no prompt twice."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from benchmarks.databases import Contents, fill_database
from benchmarks.noop_queue import NoopQueue
from benchmarks.samples import interleaved

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from benchmarks.reports import Report, Trial

_MANY = 4
_PATIENCE = 300.0  # seconds
_BUDGET = 60.0
# One artifact row and one render that was published for each prompt that is ready, no more.
_BLEMISHES = """
SELECT count(*) FROM prompts AS p
WHERE p.prompt_type = 'image_prompt' AND (
    p.artifact_status <> 'ready'
    OR (SELECT count(*) FROM prompt_artifacts AS a WHERE a.prompt_id = p.id) <> 1
    OR (
        SELECT count(*) FROM media_generator_renders AS r
        WHERE r.prompt_id = p.id AND r.outcome = 'published'
    ) <> 1
)
"""


def measure_crowd(trial: Trial, report: Report) -> None:
    """Add one worker beside four to a report."""
    count = trial.choose(1_000, 100)
    rounds = trial.choose(5, 2)
    trial.note(f"1 and {_MANY} processes at one database, {rounds} rounds of {count}")
    turns = {
        str(workers): lambda workers=workers: _rate(trial.folder / "crowd", workers, count)
        for workers in (1, _MANY)
    }
    rates = interleaved(rounds, turns, budget=_BUDGET)
    made = [len(rate.values) for rate in rates.values()]
    rows = [
        (f"{name} at one database", rate.shown(0), rate.over(rates["1"]).shown())
        for name, rate in rates.items()
    ]
    report.table(("WAL, worker processes", "a second", "against one"), rows)
    ratio = rates[str(_MANY)].over(rates["1"])
    report.verdict(
        f"{_MANY} processes at least as many as one",
        f"{ratio.shown()} times as many",
        met=ratio.median >= 1,
    )
    report.say(
        f"Every one of the {sum(made) * count:,} prompts was published by exactly one process,"
        " with one artifact row and one render."
    )


def _rate(folder: Path, workers: int, count: int) -> float:
    """Prompts a second from the first start to the last end; checks the results."""
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(0, count))
    context = multiprocessing.get_context("spawn")
    results: Queue[tuple[float, float, list[int]]] = context.Queue()
    barrier = context.Barrier(workers)
    processes = [
        context.Process(target=_work, args=(database, barrier, results)) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    done = [results.get(timeout=_PATIENCE) for _ in processes]
    for process in processes:
        process.join(_PATIENCE)
    _check(database, [ids for _, _, ids in done], count)
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()
    return count / (max(end for _, end, _ in done) - min(began for began, _, _ in done))


def _work(database: Path, barrier: Barrier, results: Queue[tuple[float, float, list[int]]]) -> None:
    with closing(Connection(database, 30.0)) as connection:
        queue = NoopQueue(connection)
        barrier.wait(_PATIENCE)
        began = time.monotonic()  # one clock for all processes
        queue.drain_all()
        results.put((began, time.monotonic(), queue.published))


def _check(database: Path, published: list[list[int]], count: int) -> None:
    everything = list(chain.from_iterable(published))
    assert len(everything) == len(set(everything)) == count
    with closing(sqlite3.connect(database)) as driver:
        assert driver.execute(_BLEMISHES).fetchall() == [(0,)]
