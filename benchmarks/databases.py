"""Shared databases of any size, with contents as after years of use."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.processes.system_processes import SystemProcesses
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sqlite.connection import Connection
from adapters.sqlite.shared_schema import create_database
from adapters.system_clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

_BRIEF = json.dumps(
    {
        "prompt": "A serene mountain lake at dawn, number {}, mist over the water, first light",
        "negative_prompt": "crowds, harsh shadows",
        "style_tags": ["realism", "soft light"],
        "technical_params": {"aspect_ratio": "16:9", "quality": "high", "mood": "tranquil"},
        "composition": {"subject": "the lake", "background": "peaks", "lighting": "dawn"},
    }
)
_METADATA = json.dumps(
    {
        "prompt": "A serene mountain lake at dawn, number {}, mist over the water, first light",
        "negative_prompt": "crowds, harsh shadows",
        "width": 1344,
        "height": 768,
        "style_tags": ["realism", "soft light"],
        "aspect_ratio": "16:9",
        "generated_at": "2026-01-06T21:30:45Z",
        "file_size": 1_834_201,
        "sha256": "0" * 64,
        "format": "png",
        "renderer": "script",
        "workflow": "image_workflow.py",
    }
)
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :all) "
# The oldest are ready; every fifth row belongs to another program and says 'pending' for ever.
_PROMPTS = (
    _NUMBERS
    + """
INSERT INTO prompts (
    id, prompt_text, prompt_type, status, artifact_status, output_reference, created_at
)
SELECT
    i, 'Create something, number ' || i, CASE WHEN i % 5 THEN 'image_prompt' ELSE 'text' END,
    'completed', CASE WHEN i % 5 AND i <= :ready THEN 'ready' ELSE 'pending' END, i,
    datetime('2020-01-01', i || ' seconds')
FROM n
"""
)
_WRITINGS = (
    _NUMBERS
    + """
INSERT INTO writings (id, title, content_type, content, source_prompt_id)
SELECT
    i, 'Number ' || i, CASE WHEN i % 5 THEN 'image_prompt' ELSE 'text' END,
    replace(:brief, '{}', i), i
FROM n
"""
)
_ARTIFACTS = (
    _NUMBERS
    + """
INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, preview_path, metadata)
SELECT
    i, 'image', 'image/' || i || '_20260106T213045/generated_image_001.png',
    'image/' || i || '_20260106T213045/generated_image_001.png', replace(:metadata, '{}', i)
FROM n WHERE i % 5 AND i <= :ready
"""
)
_RENDERS = (
    _NUMBERS
    + """
INSERT INTO media_generator_renders (
    prompt_id, kind, output_reference, attempt, crashes, owner_host, owner_boot,
    owner_namespace, owner_pid, owner_started, finished_at, seconds, outcome
)
SELECT
    i, 'image', i, 1, 0, 'bench', 'boot', '', 1, '1',
    datetime('now', (i - :ready) || ' seconds'), 9.5, 'published'
FROM n WHERE i % 5 AND i <= :ready
"""
)


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a database to create.

    Attributes:
        ready: prompts that were rendered, with writing, artifact row and render.
        pending: prompts that wait, with their writings; all are newer.
        journal_mode: "wal" or "delete".
        indexes: whether our partial indexes are there.
    """

    ready: int
    pending: int
    journal_mode: str = "wal"
    indexes: bool = True


def fill_database(path: Path, contents: Contents) -> Path:
    """Create a database and wait until it is flushed to the disk.

    One row in five belongs to another program, in addition to the given numbers.
    """
    create_database(path)
    with closing(Connection(path, 30.0)) as connection:
        repository(connection, indexes=contents.indexes)
    # Rows 1, 2, 3, 4 of every five are media prompts.
    ready = contents.ready * 5 // 4
    values = {
        "ready": ready,
        "all": max(1, (contents.ready + contents.pending) * 5 // 4),
        "brief": _BRIEF,
        "metadata": _METADATA,
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = DELETE")
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("BEGIN")
        for statement in (_PROMPTS, _WRITINGS, _ARTIFACTS, _RENDERS):
            driver.execute(statement, values)
        driver.execute("COMMIT")
        mode = "WAL" if contents.journal_mode == "wal" else "DELETE"
        driver.execute(f"PRAGMA journal_mode = {mode}")
    settle(path)
    return path


def repository(connection: Connection, *, indexes: bool = True) -> SqlPromptRepository:
    """The queue as the program itself opens it."""
    clock = SystemClock()
    me = SystemProcesses(clock).me()
    return SqlPromptRepository(connection, me, clock, create_indexes=indexes, all_variants=False)


def settle(path: Path) -> None:
    """Flush a file to the disk, so that later measurements do not wait for it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
