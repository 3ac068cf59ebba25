"""The data of the page, for different numbers of files."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from adapters.sql_queue.gallery import SqlGallery
from adapters.sqlite.connection import Connection
from application.ports.gallery import GalleryQuery, PromptListQuery
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample
from domain.prompt import Kind
from entrypoints.web.gallery_api import GalleryPage, gallery_item
from entrypoints.web.json_responses import json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.reports import Trial

_TARGET_MS = 50.0
_JUDGED = 100_000  # files
_PENDING = 1_000
_WARM_UP = 3
_FEWEST = 5
_LONGEST_SECONDS = 3.0  # for one row of the table
_FIRST_PAGE = "first page, 60 files, as JSON"
# One file in ten is a song, one prompt in a thousand ended in error.
_VARIETY = (
    "UPDATE prompt_artifacts SET artifact_type = 'audio' WHERE id % 10 = 0",
    """
    UPDATE prompts SET prompt_type = 'lyrics_prompt'
    WHERE id IN (SELECT prompt_id FROM prompt_artifacts WHERE artifact_type = 'audio')
    """,
    "UPDATE prompts SET artifact_status = 'error' WHERE id % 1000 = 1",
)


def measure(trial: Trial) -> Report:
    """Each kind of page, for different numbers of files."""
    sizes = (10_000, _JUDGED) if trial.quick else (10_000, _JUDGED, 1_000_000)
    found: dict[int, dict[str, Sample]] = {}
    for size in sizes:
        trial.note(f"{size:,} files")
        path = _filled(trial.folder / f"{size}.db", size)
        found[size] = _timings(path, size, trial.choose(1000, 100))
        path.unlink()
    report = Report()
    head = ("ms, median / 99th percentile", *(f"{size:,} files" for size in sizes))
    names = list(found[sizes[0]])
    report.table(head, [(name, *(_shown(found[size][name]) for size in sizes)) for name in names])
    slowest = found[_JUDGED][_FIRST_PAGE].percentile(99)
    report.verdict(
        f"with {_JUDGED:,} files the data of the first page within {_TARGET_MS:g} ms"
        " (99th percentile)",
        f"{slowest:.1f} ms",
        met=slowest < _TARGET_MS,
    )
    return report


def _filled(path: Path, size: int) -> Path:
    fill_database(path, Contents(size, _PENDING))
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("BEGIN")
        for statement in _VARIETY:
            driver.execute(statement)
        driver.execute("COMMIT")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _timings(path: Path, size: int, rounds: int) -> dict[str, Sample]:
    with closing(Connection(path, 30.0)) as connection:
        turns = _turns(SqlGallery(connection), size)
        return {name: _timed(turn, rounds) for name, turn in turns.items()}


def _turns(gallery: SqlGallery, size: int) -> Mapping[str, Callable[[], int]]:
    """The measured functions, by name; each returns its number of results."""
    newest = gallery.page(GalleryQuery(limit=1)).artifacts[0].file_path
    second = gallery.prompts(PromptListQuery()).next

    def page(query: GalleryQuery) -> Callable[[], int]:
        return lambda: len(gallery.page(query).artifacts)

    def listed(query: PromptListQuery) -> Callable[[], int]:
        return lambda: len(gallery.prompts(query).prompts)

    return {
        _FIRST_PAGE: lambda: _as_json(gallery),
        "first page, rows only": page(GalleryQuery()),
        "page in the middle": page(GalleryQuery(before=size // 2)),
        "songs": page(GalleryQuery(Kind.AUDIO)),
        "of prompts that are ready": page(GalleryQuery(status="ready")),
        "of prompts in error, one in a thousand": page(GalleryQuery(status="error")),
        "search, a frequent word": page(GalleryQuery(text="lake")),
        "search, a word that is nowhere: one stretch": page(GalleryQuery(text="zebra")),
        "a file by its path, seen before": lambda: gallery.artifact(newest) is not None,
        "prompts, first page of 50": listed(PromptListQuery()),
        "prompts, second page": listed(PromptListQuery(after=second)),
        "prompts that are ready": listed(PromptListQuery(status="ready")),
        "prompts in error": listed(PromptListQuery(status="error")),
        "prompts, a word that is nowhere: one stretch": listed(PromptListQuery(text="zebra")),
    }


def _as_json(gallery: SqlGallery) -> int:
    items = [gallery_item(artifact, "") for artifact in gallery.page(GalleryQuery()).artifacts]
    assert len(items) == 60
    return len(json_bytes(GalleryPage(items, None)))


def _timed(turn: Callable[[], int], rounds: int) -> Sample:
    for _ in range(_WARM_UP):
        turn()
    values: list[float] = []
    deadline = time.monotonic() + _LONGEST_SECONDS
    while len(values) < rounds and (len(values) < _FEWEST or time.monotonic() < deadline):
        began = time.perf_counter()
        turn()
        values.append(time.perf_counter() - began)
    return Sample(tuple(values)).scaled(1000)


def _shown(sample: Sample) -> str:
    return f"{sample.median:.1f} / {sample.percentile(99):.1f}"
