"""Workers with one PostgreSQL database: each claims a prompt and publishes it, with fsync.

The database contains a million pending prompts. Procrastinate, a job queue in PostgreSQL, runs
empty tasks for comparison: on the same server, with as many workers. A unit of work writes other
rows: here a claim and a publication with its artifact row, there a job's states and its events.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.reports import Report
from benchmarks.samples import interleaved
from tests.postgres.server import Server, find_binaries, running_server

if TYPE_CHECKING:
    from benchmarks.reports import Trial

_OURS, _PEER = "mediagen", "procrastinate"
_WORKERS: Final = (1, 4, 16)
_MIN_GAIN: Final = 4.0  # 16 workers against one
_ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS: Final = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
}
_WRITINGS: Final = """
INSERT INTO writings (id, content_type, content, title)
SELECT n, 'image_prompt', '{"prompt": "a lake"}', 't' FROM generate_series(1, %s) AS n
"""
_PROMPTS: Final = """
INSERT INTO prompts (id, prompt_text, prompt_type, status, output_reference, created_at)
SELECT
    n, 'p', 'image_prompt', 'completed', n,
    to_char(timestamp '2026-01-01' + n * interval '1 second', 'YYYY-MM-DD HH24:MI:SS')
FROM generate_series(1, %s) AS n
"""
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM media_generator_renders WHERE outcome = 'published'),"
    " (SELECT count(*) FROM prompts WHERE artifact_status = 'ready'),"
    " (SELECT count(DISTINCT prompt_id) FROM prompt_artifacts),"
    " (SELECT count(*) FROM prompt_artifacts),"
    " (SELECT count(*) FROM media_generator_renders)"
)


class Counts(NamedTuple):
    """What lies in a database whose prompts make one file each."""

    published: int
    ready: int
    prompts_with_files: int
    files: int
    renders: int

    @property
    def is_once(self) -> bool:
        """Whether every prompt was published once, with its row."""
        return len({self.published, self.ready, self.prompts_with_files, self.files}) == 1


def published(server: Server, database: str) -> Counts:
    """Count what was published in a database."""
    [counts] = server.address.execute(database, _COUNTS)
    return Counts(*counts)


def measure(trial: Trial) -> Report:
    """Units of work a second, by 1, 4 and 16 workers."""
    report = Report()
    binaries = find_binaries()
    if binaries is None:
        report.say("PostgreSQL was not found, so nothing was measured.")
        return report
    prompts, tasks = trial.choose(1_000_000, 50_000), trial.choose(400_000, 30_000)
    rounds, seconds = trial.choose(5, 3), trial.choose(10, 3)
    with running_server(binaries, SETTINGS) as server:
        trial.note(f"{prompts:,} prompts, {tasks:,} tasks")
        urls = {_OURS: _filled(server, prompts), _PEER: _peer(server, tasks)}
        turns = {
            f"{name} {workers}": partial(_rate, name, url, workers, seconds)
            for name, url in urls.items()
            if url
            for workers in _WORKERS
        }
        trial.note(f"{', '.join(turns)}: {rounds} rounds of {seconds} s")
        rates = interleaved(rounds, turns, warm_up=1)
        database = urls[_OURS].rpartition("/")[2]
        counts = published(server, database)
    rows = [
        (
            name,
            *(rates[f"{name} {workers}"].shown(0) for workers in _WORKERS),
            rates[f"{name} 16"].over(rates[f"{name} 1"]).shown(),
        )
        for name, url in urls.items()
        if url
    ]
    report.table(("a second, by", "1 worker", "4 workers", "16 workers", "16 against 1"), rows)
    gain = rates[f"{_OURS} 16"].over(rates[f"{_OURS} 1"])
    report.say(
        f"{counts.published:,} prompts were published; {counts.prompts_with_files:,} have artifact"
        f" rows, {counts.files:,} in all."
    )
    report.verdict(
        f"16 workers do at least {_MIN_GAIN:g} × the work of one, and nothing twice",
        f"{gain.shown()} ×",
        met=gain.median >= _MIN_GAIN and counts.is_once,
    )
    return report


def _filled(server: Server, count: int) -> str:
    from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - needs an extra
    from adapters.postgres.schema import create_tables  # noqa: PLC0415

    name = server.address.create_database()
    create_tables(PostgresAddress(server.address.url(name)))
    for statement in (_WRITINGS, _PROMPTS):
        server.address.execute(name, statement, (count,))
    _rate(_OURS, server.address.url(name), 1, 0.1)  # creates our tables and indexes
    server.address.execute(name, "VACUUM ANALYZE")
    return server.address.url(name)


def _peer(server: Server, count: int) -> str:
    """A filled database; "" if Procrastinate is not installed."""
    try:
        from benchmarks.procrastinate_queue import fill  # noqa: PLC0415 - of one environment
    except ImportError:
        return ""
    name = server.address.create_database()
    fill(server.address.url(name), count)
    server.address.execute(name, "VACUUM ANALYZE")
    return server.address.url(name)


def _rate(name: str, url: str, workers: int, seconds: float) -> float:
    command = [sys.executable, "-m", "benchmarks.postgres_worker", name, url, str(seconds)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=_ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(workers)
        ]
        for process in processes:
            stack.callback(process.kill)
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                message = f"a worker of {name} did not start"
                raise RuntimeError(message)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return sum(int(process.communicate()[0]) for process in processes) / seconds
