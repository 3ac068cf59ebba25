"""The tables that galleries show, filled as several programs would fill them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.sql_queue.bookkeeping import prepare_bookkeeping
from adapters.sql_queue.curation import SqlCuration
from adapters.sql_queue.gallery import SqlGallery
from adapters.sqlite.connection import Connection
from domain.prompt import Kind
from domain.render import Outcome
from tests.worker_identities import ME

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from application.ports.curation import Curation
    from application.ports.gallery import Gallery
    from domain.failure import FailureCode

MOMENT = "2026-01-06 21:30:45"


@dataclass(frozen=True)
class APrompt:
    """A row of ``prompts``, with its writing if it has one."""

    id: int
    prompt_type: str = "image_prompt"
    text: str = "Create something"
    status: str = "completed"
    artifact_status: str = "ready"
    created_at: str | None = MOMENT
    content: str | None = '{"prompt": "a lake"}'
    written: bool = True
    error_message: str | None = None


@dataclass(frozen=True)
class AnArtifact:
    """A row of ``prompt_artifacts``."""

    id: int
    prompt_id: int = 1
    artifact_type: str = "image"
    file_path: str = "image/1_20260106T213045/a.png"
    preview_path: str | None = None
    metadata: str | None = "{}"
    created_at: str | None = MOMENT


@dataclass(frozen=True)
class ARender:
    """A row of ``media_generator_renders`` with an outcome."""

    render_id: int
    finished_at: datetime
    prompt_id: int = 1
    kind: Kind = Kind.IMAGE
    outcome: Outcome = Outcome.PUBLISHED
    code: FailureCode | None = None
    seconds: float | None = 9.5
    attempt: int = 1
    retry_at: datetime | None = None


@dataclass
class GalleryWorld:
    """A database that is accessed without the gallery.

    Media Generator's own tables are created with the first render or with its indexes.
    """

    path: Path
    indexes: bool = False
    by_age: bool = True
    _open: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.indexes:
            self._prepare()

    def add(self, *rows: APrompt | AnArtifact | ARender) -> None:
        """Insert rows of any table."""
        if any(isinstance(row, ARender) for row in rows):
            self._prepare()
        with closing(sqlite3.connect(self.path, timeout=30)) as driver, driver:
            columns = {found[1] for found in driver.execute("PRAGMA table_info(writings)")}
            for row in rows:
                if isinstance(row, APrompt):
                    _add_prompt(driver, row, has_title="title" in columns)
                elif isinstance(row, AnArtifact):
                    _add_artifact(driver, row)
                else:
                    _add_render(driver, row)

    def gallery(self) -> Gallery:
        """A new gallery over the database."""
        self._open.append(Connection(self.path, timeout=5.0))
        return SqlGallery(self._open[-1])

    def curation(self) -> Curation:
        """The curation of the same database."""
        self._open.append(Connection(self.path, timeout=5.0))
        return SqlCuration(self._open[-1])

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def _prepare(self) -> None:
        with closing(Connection(self.path, timeout=5.0)) as connection:
            prepare_bookkeeping(connection, create_indexes=self.indexes, by_age=self.by_age)


def _add_prompt(driver: sqlite3.Connection, row: APrompt, *, has_title: bool) -> None:
    if row.written:
        title = ("title",) if has_title else ()
        names = ", ".join(("id", "content_type", "content", *title))
        driver.execute(
            f"INSERT INTO writings ({names}) VALUES (?, ?, ?{', ?' * has_title})",  # noqa: S608
            (row.id, row.prompt_type, row.content, *title),
        )
    driver.execute(
        "INSERT INTO prompts (id, prompt_type, prompt_text, status, artifact_status,"
        " output_reference, created_at, error_message) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.prompt_type,
            row.text,
            row.status,
            row.artifact_status,
            row.id if row.written else None,
            row.created_at,
            row.error_message,
        ),
    )


def _add_artifact(driver: sqlite3.Connection, row: AnArtifact) -> None:
    driver.execute(
        "INSERT INTO prompt_artifacts (id, prompt_id, artifact_type, file_path, preview_path,"
        " metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.prompt_id,
            row.artifact_type,
            row.file_path,
            row.preview_path,
            row.metadata,
            row.created_at,
        ),
    )


def _add_render(driver: sqlite3.Connection, row: ARender) -> None:
    driver.execute(
        "INSERT INTO media_generator_renders (render_id, prompt_id, kind, attempt, crashes,"
        " owner_host, owner_boot, owner_namespace, owner_pid, owner_started, claimed_at,"
        " finished_at, seconds, outcome, failure_code, failure_message, retry_at)"
        " VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.render_id,
            row.prompt_id,
            row.kind.value,
            row.attempt,
            ME.host,
            ME.boot,
            ME.namespace,
            ME.pid,
            ME.started,
            f"{row.finished_at:%Y-%m-%d %H:%M:%S}",
            f"{row.finished_at:%Y-%m-%d %H:%M:%S}",
            row.seconds,
            row.outcome.value,
            row.code.value if row.code else None,
            "why" if row.code else None,
            row.retry_at.isoformat(timespec="milliseconds") if row.retry_at else None,
        ),
    )
