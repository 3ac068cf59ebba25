"""What the first page of a search takes with ten thousand prompts and with a million."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from adapters.sqlite.connection import Connection
from adapters.sqlite.search import open_search_index
from adapters.sqlite.shared_schema import create_database
from application.ports.search import SearchQuery
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from domain.search import Search
from tests.postgres.server import find_binaries, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from adapters.sql_queue.search import SqlSearchIndex
    from benchmarks.reports import Trial

_TARGET_RATIO: Final = 1.5
_STEP: Final = 20.0  # seconds between two notes about an index
# Every prompt has the first words, every tenth a colour, every 97th a bird, each its number.
_REQUEST: Final = "'Create something, number ' || n"
_BRIEF: Final = """'{"prompt": "A serene mountain lake at dawn, number ' || n ||
    ', mist over the water' || CASE WHEN n % 10 = 0 THEN ', turquoise' ELSE '' END ||
    CASE WHEN n % 97 = 0 THEN ', a heron' ELSE '' END ||
    '", "negative_prompt": "crowds, harsh shadows"}'"""
_SQLITE: Final = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {}) "
_WRITINGS: Final = f"""INSERT INTO writings (id, content_type, content, title)
    SELECT n, 'image_prompt', {_BRIEF}, 't' FROM """  # noqa: S608 - constants
_PROMPTS: Final = f"""
    INSERT INTO prompts (id, prompt_text, prompt_type, status, output_reference, created_at)
    SELECT n, {_REQUEST}, 'image_prompt', 'completed', n, '2026-01-01 08:00:00'
    FROM """  # noqa: S608 - constants
# As the index would be filled from the tables, but with few statements: that takes a tenth.
_POSTGRES_INDEX: Final = (
    "DROP INDEX media_generator_search_words",
    """
    INSERT INTO media_generator_search (prompt_id, digest, is_open, words)
    SELECT p.id, p.id, 0, to_tsvector('simple', concat_ws(
        ' ', p.prompt_text, CAST(w.content AS json) ->> 'prompt',
        CAST(w.content AS json) ->> 'negative_prompt'))
    FROM prompts AS p INNER JOIN writings AS w ON w.id = p.output_reference
    """,
    "CREATE INDEX media_generator_search_words ON media_generator_search USING gin (words)",
    """
    INSERT INTO media_generator_search_vocabulary (word)
    SELECT word FROM ts_stat('SELECT words FROM media_generator_search WHERE prompt_id <= 1000')
    WHERE length(word) >= 4
    UNION SELECT CAST(id AS text) FROM prompts WHERE id >= 1000
    """,
    """
    UPDATE media_generator_search_state
    SET last_prompt = (SELECT max(id) FROM prompts), last_writing = (SELECT max(id) FROM writings)
    """,
    "VACUUM ANALYZE",
)
_SEARCHES: Final = (
    "mountain ", "mountain lake ", "turquoise lake ", "heron ", "lake -turquoise ", "m*", "1*",
    "mo", "moun", "lake mounta", '"serene moun', "numb", "99", "zebr",
)  # fmt: skip
"""What is typed: the last word may be the beginning of one, unless a space ends it."""


def measure(trial: Trial) -> Report:
    """Each search over a million prompts and over ten thousand, in turns."""
    sizes = (10_000, trial.choose(1_000_000, 100_000))
    report = Report()
    with ExitStack() as stack:
        indexes = {}
        for size in sizes:
            index = stack.enter_context(closing(_sqlite_index(trial.folder / f"{size}.db", size)))
            indexes[size] = _filled(trial, index, f"{size:,} prompts in SQLite")
        _tell(trial, report, "SQLite", indexes)
    binaries = find_binaries()
    if binaries is None:
        report.say("PostgreSQL was not found, so searching in it was not measured.")
        return report
    from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - needs an extra
    from adapters.postgres.connection import Connection as PostgresConnection  # noqa: PLC0415
    from adapters.postgres.schema import create_tables  # noqa: PLC0415
    from adapters.postgres.search import open_search_index as open_postgres  # noqa: PLC0415

    settings = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
    with running_server(binaries, settings) as server, ExitStack() as stack:
        indexes = {}
        for size in sizes:
            name = server.address.create_database()
            address = PostgresAddress(server.address.url(name))
            create_tables(address)
            index = open_postgres(stack.enter_context(closing(PostgresConnection(address, 30.0))))
            index.update()  # makes its tables
            trial.note(f"{size:,} prompts in PostgreSQL")
            series = f"generate_series(1, {size}) AS s (n)"
            for statement in (_WRITINGS + series, _PROMPTS + series, *_POSTGRES_INDEX):
                server.address.execute(name, statement.replace("%", "%%"), ())
            assert index.indexed() == 1
            indexes[size] = index
        _tell(trial, report, "PostgreSQL", indexes)
    return report


def _sqlite_index(path: Path, prompts: int) -> SqlSearchIndex:
    create_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("PRAGMA cache_size = -200000")
        driver.execute("BEGIN")
        for statement in (_WRITINGS, _PROMPTS):
            insert, select = statement.split("SELECT", 1)
            driver.execute(f"{insert} {_SQLITE.format(prompts)} SELECT {select} s")
        driver.execute("COMMIT")
    return open_search_index(Connection(path, 30.0), path.with_suffix(".search"), 30.0)


def _filled(trial: Trial, index: SqlSearchIndex, name: str) -> SqlSearchIndex:
    began = time.monotonic()
    trial.note(name)
    while not index.update(_STEP):
        trial.note(f"{name}: {100 * index.indexed():.0f} % after {time.monotonic() - began:.0f} s")
    trial.note(f"{name}: indexed in {time.monotonic() - began:.0f} s")
    return index


def _tell(trial: Trial, report: Report, name: str, indexes: Mapping[int, SqlSearchIndex]) -> None:
    few, many = indexes
    rows, ratios = [], {}
    # SQLite works in this thread: its processor time depends least on other programs.
    clock, unit = (
        (time.thread_time, "processor ms") if name == "SQLite" else (time.perf_counter, "ms")
    )
    for text in _SEARCHES:
        query = SearchQuery(Search.of_text(text, is_typed=True))
        turns: dict[str, Callable[[], float]] = {
            str(size): partial(_milliseconds, index, query, clock)
            for size, index in indexes.items()
        }
        samples = interleaved(trial.choose(31, 5), turns, warm_up=3)
        ratio = samples[str(many)].over(samples[str(few)])
        ratios[text] = ratio.median
        row = [samples[str(size)].shown(1) for size in (few, many)]
        rows.append((f"`{text}`", *row, ratio.shown(2)))
        trial.note(f"{name}: {' | '.join(rows[-1])}")
    report.table((f"{unit}, first page in {name}", f"{few:,}", f"{many:,}", "ratio"), rows)
    over = [f"{ratio:.2f} for `{text}`" for text, ratio in ratios.items() if ratio > _TARGET_RATIO]
    report.verdict(
        f"at most {_TARGET_RATIO:g} times as long from {few:,} to {many:,} prompts in {name}",
        ", ".join(over) or f"{max(ratios.values()):.2f} at most",
        met=not over,
    )


def _milliseconds(index: SqlSearchIndex, query: SearchQuery, clock: Callable[[], float]) -> float:
    began = clock()
    index.find(query)
    return (clock() - began) * 1000
