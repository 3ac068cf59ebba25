"""The queue in a new SQLite file; commits do not wait for the disk, which is not tested here."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderLeases
from adapters.sqlite.connection import Connection
from tests.contract.queue_machine_rows import Snapshot
from tests.contract.queue_machine_worlds import CONTENT, WorkerSession, World
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.lease import ProcessIdentity

RENDERS = """
SELECT
    render_id, prompt_id, kind, output_reference, owner_pid, attempt, crashes, heartbeat,
    workflow_group, outcome, failure_code, retry_at
FROM media_generator_renders ORDER BY render_id
"""
PROMPTS = """
SELECT id, prompt_type, status, artifact_status, created_at, output_reference, error_message
FROM prompts
"""
PAUSE = """
SELECT
    (SELECT pause_reason FROM media_generator_state WHERE paused_by = 'person'),
    (SELECT min(reason) FROM media_generator_pauses),
    (SELECT min(code) FROM media_generator_pauses),
    (SELECT min(suspects) FROM media_generator_pauses)
"""


class DiedError(Exception):
    """The process died in the middle of a transaction."""


class _Mortal(Connection):
    """Dies at a commit after a number of others, or never."""

    commits_left: int | None = None

    @contextmanager
    def writing(self, *prompt_ids: int, wakes: bool = False) -> Iterator[None]:
        with super().writing(*prompt_ids, wakes=wakes):
            yield
            if self.commits_left == 0:
                raise DiedError
            if self.commits_left:
                self.commits_left -= 1


class _SqliteSession(WorkerSession):
    """The two connections of a worker: for the queue and for the leases."""

    def __init__(self, path: Path, owner: ProcessIdentity, clock: ManualClock) -> None:
        self._connections = queue, kept = _Mortal(path, 30.0), _Mortal(path, 30.0)
        for connection in self._connections:
            connection.rows("PRAGMA synchronous = OFF")
        self.repository = sqlite_repository(queue, owner, clock)
        self.leases = SqlRenderLeases(
            kept, ClaimStatements(kept, owner, clock, all_variants=False), clock
        )
        self.controls = SqlQueueControls(queue)

    def die_before_commit(self, step: Callable[[], object]) -> None:
        self._die_after(0)
        with suppress(DiedError):
            step()

    def commit_once(self) -> None:
        self._die_after(1)

    def _die_after(self, commits: int) -> None:
        for connection in self._connections:
            connection.commits_left = commits

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class SqliteWorld(World):
    def __init__(self, schema: str, journal_mode: str) -> None:
        self.clock = ManualClock()
        self._folder = tempfile.TemporaryDirectory()
        self._path = fresh_database(Path(self._folder.name) / "musings.db", schema, journal_mode)
        self._others = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        self._others.execute("PRAGMA synchronous = OFF")
        if schema == "wide":
            self._others.execute("ALTER TABLE writings DROP COLUMN title")

    def session(self, owner: ProcessIdentity) -> WorkerSession:
        return _SqliteSession(self._path, owner, self.clock)

    def add(self, prompt_id: int, reference: int | None, columns: dict[str, Any]) -> None:
        if reference is not None:
            self._others.execute(
                "INSERT INTO writings (id, content_type, content) VALUES (?, ?, ?)",
                (reference, columns["prompt_type"], CONTENT),
            )
        marks = ", ".join("?" for _ in columns)
        self._others.execute(
            f"INSERT INTO prompts (id, prompt_text, output_reference, {', '.join(columns)})"  # noqa: S608
            f" VALUES (?, 'p', ?, {marks})",
            (prompt_id, reference, *columns.values()),
        )

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        sets = ", ".join(f"{column} = ?" for column in columns)
        self._others.execute(
            f"UPDATE prompts SET {sets} WHERE id = ?",  # noqa: S608
            (*columns.values(), prompt_id),
        )

    def delete(self, prompt_id: int) -> None:
        self._others.execute("DELETE FROM prompts WHERE id = ?", (prompt_id,))

    def add_row(self, prompt_id: int, path: str) -> None:
        self._others.execute(
            "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)"
            " VALUES (?, 'image', ?)",
            (prompt_id, path),
        )

    def snapshot(self) -> Snapshot:
        ask = self._others.execute
        person, reason, code, suspects = ask(PAUSE).fetchone()
        return Snapshot(
            {
                prompt_id: (*words, _text(created_at), _number(reference), message)
                for prompt_id, *words, created_at, reference, message in ask(PROMPTS)
            },
            dict(ask("SELECT id, content FROM writings")),
            list(ask("SELECT prompt_id, file_path FROM prompt_artifacts ORDER BY id")),
            [_render(row) for row in ask(RENDERS)],
            (person, (reason, code, tuple(json.loads(suspects))) if reason else None),
        )

    def close(self) -> None:
        with closing(self._others):
            assert self._others.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        self._folder.cleanup()


def _render(row: tuple[Any, ...]) -> tuple[object, ...]:
    """Convert references and times to the model's form, whatever the column's affinity did."""
    retry_at = datetime.fromisoformat(row[11]) if row[11] else None
    return *row[:3], _number(row[3]), *row[4:11], retry_at


def _number(value: str | int | None) -> int | None:
    return None if value is None else int(value)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
