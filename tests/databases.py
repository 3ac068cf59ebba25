"""Shared databases in the shapes found in practice, created with plain SQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SEED = """
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY, prompt_text TEXT, prompt_type TEXT, status TEXT,
    artifact_status TEXT DEFAULT 'pending', output_reference INTEGER,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, error_message TEXT
);
CREATE TABLE writings (
    id INTEGER PRIMARY KEY, content_type TEXT, content TEXT, source_prompt_id INTEGER
);
CREATE TABLE prompt_artifacts (
    id INTEGER PRIMARY KEY, prompt_id INTEGER, artifact_type TEXT, file_path TEXT,
    preview_path TEXT, metadata TEXT, created_at TIMESTAMP, updated_at TIMESTAMP
);
"""

# Every column found in practice, a reference that is text, a constraint on the title.
WIDE = """
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, prompt_text TEXT NOT NULL, prompt_type TEXT NOT NULL,
    status TEXT DEFAULT 'unprocessed', artifact_status TEXT DEFAULT 'pending',
    output_reference TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, error_message TEXT,
    priority INTEGER DEFAULT 5, config_name TEXT, metadata TEXT, processed_at DATETIME,
    completed_at DATETIME, processing_duration REAL, artifact_metadata TEXT
);
CREATE TABLE writings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, content_type TEXT, content TEXT,
    source_prompt_id INTEGER, original_filename TEXT, created_date DATETIME,
    file_timestamp DATETIME, word_count INTEGER, character_count INTEGER, line_count INTEGER,
    publication_status TEXT DEFAULT 'draft', mood TEXT, explicit_content BOOLEAN DEFAULT 0,
    notes TEXT, content_hash TEXT UNIQUE, generation_method TEXT
);
CREATE TABLE prompt_artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, prompt_id INTEGER NOT NULL, artifact_type TEXT NOT NULL,
    file_path TEXT NOT NULL, preview_path TEXT, metadata TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (prompt_id) REFERENCES prompts (id)
);
CREATE TABLE prompt_writings (
    prompt_id INTEGER, writing_id INTEGER, writing_order INTEGER,
    PRIMARY KEY (prompt_id, writing_id)
);
"""

SCHEMAS = {"seed": SEED, "wide": WIDE}


def make_database(path: Path, schema: str = "seed", journal_mode: str = "delete") -> Path:
    """Create a database in one of the shapes in ``SCHEMAS``."""
    with closing(sqlite3.connect(path)) as driver:
        driver.execute(f"PRAGMA journal_mode = {journal_mode}")
        driver.executescript(SCHEMAS[schema])
    return path


class Poet:
    """Another program on the same database, in plain SQL."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in a separate connection and commit."""
        with closing(sqlite3.connect(self.path, timeout=30)) as driver, driver:
            driver.text_factory = bytes_or_text
            return driver.execute(statement, values).fetchall()

    def write(
        self,
        content: str | bytes | None,
        *,
        prompt_type: str = "image_prompt",
        prompt_id: int | None = None,
        created_at: str | None = "2026-01-06 21:30:45",
        status: str = "completed",
        artifact_status: str = "pending",
        text: str = "Create something",
        written: bool = True,
    ) -> int:
        """Insert a prompt and its writing in the order of the Poets Service; returns its id."""
        with closing(sqlite3.connect(self.path, timeout=30)) as driver, driver:
            added = driver.execute(
                "INSERT INTO prompts (id, prompt_text, prompt_type, status, artifact_status,"
                " created_at) VALUES (?, ?, ?, 'processing', ?, ?)",
                (prompt_id, text, prompt_type, artifact_status, created_at),
            ).lastrowid
            assert added is not None
            reference = self._writing(driver, prompt_type, content, added) if written else None
            driver.execute(
                "UPDATE prompts SET output_reference = ?, status = ? WHERE id = ?",
                (reference, status, added),
            )
        return added

    def _writing(
        self, driver: sqlite3.Connection, prompt_type: str, content: object, prompt_id: int
    ) -> int | None:
        columns = {row[1] for row in driver.execute("PRAGMA table_info(writings)")}
        row: dict[str, object] = {
            "content_type": prompt_type,
            "content": content,
            "source_prompt_id": prompt_id,
        }
        if "title" in columns:
            row["title"] = f"Writing for {prompt_id}"
        marks = ", ".join("?" for _ in row)
        statement = f"INSERT INTO writings ({', '.join(row)}) VALUES ({marks})"  # noqa: S608
        return driver.execute(statement, tuple(row.values())).lastrowid

    def status(self, prompt_id: int) -> tuple[str, str | None]:
        """A prompt's artifact status and error message."""
        [row] = self.execute(
            "SELECT artifact_status, error_message FROM prompts WHERE id = ?", (prompt_id,)
        )
        return row[0], row[1]


def bytes_or_text(raw: bytes) -> str | bytes:
    """Text if it is UTF-8, otherwise bytes."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
