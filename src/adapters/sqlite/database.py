"""The shared database over one connection: pausing, submitting, and access to the rest."""

from __future__ import annotations

import json
from functools import cache, cached_property
from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import (
    SCHEMA_VERSION,
    bookkeeping_version,
    prepare_bookkeeping,
)
from adapters.sqlite.connection import Connection
from adapters.sqlite.shared_schema import (
    REQUIRED,
    check_insertable,
    check_shared_tables,
    columns_of,
    has_junction,
)
from adapters.sqlite.statements import statements, storable_text
from application.ports.database import Pause, PausedBy, WorkerPlace
from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from adapters.sqlite.connection import LockState
    from adapters.sqlite.gallery import SqliteGallery
    from adapters.sqlite.hook_outbox import SqliteHookOutbox
    from adapters.sqlite.known_paths import KnownPaths
    from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue, WhyLost
    from adapters.sqlite.renders import SqliteRenderHistory, SqliteServerJobs
    from application.ports.database import Submission


class SqliteDatabase:
    """One connection and its parts, each of which is created on first use.

    As thread-safe as the parts are; only one thread at a time may use a part for the first time.

    Args:
        path: of an existing SQLite database.
        timeout: seconds to wait for locks of other programs.
        write_timeouts: number of timeouts that a write waits.
        durable: whether a commit waits until it is safe from power loss.
        known_paths: of published files, for the gallery; shared by galleries of one process.
        lock_state: shared with other connections; None to wait the whole timeout every time.
        why_lost: for the catalogue, returns why the owner of a live render seems lost, or "".
        place: for the controls, returns where this process renders.

    Raises:
        RepositoryError: the file cannot be opened; from a part: a table or column is missing.
    """

    def __init__(  # noqa: PLR0913 - what each kind of caller wants, by its name
        self,
        path: Path,
        timeout: float,
        write_timeouts: int = 1,
        *,
        durable: bool = True,
        known_paths: KnownPaths | None = None,
        lock_state: LockState | None = None,
        why_lost: WhyLost = lambda *_: "",
        place: Callable[[], WorkerPlace] = WorkerPlace,
    ) -> None:
        self._place = cache(place)
        self.connection = Connection(
            path, timeout, write_timeouts, durable=durable, lock_state=lock_state
        )
        self._why_lost = why_lost
        self._known_paths = known_paths

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the open file."""
        try:
            self.connection.check_identity()
        except RepositoryError:
            return False
        return True

    def check_identity(self) -> None:
        """Raise RepositoryError if the file was moved away or replaced."""
        self.connection.check_identity()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @cached_property
    def catalogue(self) -> SqlitePromptCatalogue:
        """Reads the queue."""
        from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue

        return SqlitePromptCatalogue(self.connection, self._why_lost)

    @cached_property
    def controls(self) -> SqliteQueueControls:
        """Pauses and resumes the queue."""
        return SqliteQueueControls(self.connection, self._place)

    @cached_property
    def intake(self) -> SqlitePromptIntake:
        """Adds prompts to the queue."""
        return SqlitePromptIntake(self.connection)

    @cached_property
    def gallery(self) -> SqliteGallery:
        """Reads what the page shows."""
        from adapters.sqlite.gallery import SqliteGallery

        return SqliteGallery(self.connection, self._known_paths)

    @cached_property
    def history(self) -> SqliteRenderHistory:
        """Renders that ended."""
        from adapters.sqlite.renders import SqliteRenderHistory

        return SqliteRenderHistory(self.connection)

    @cached_property
    def hook_outbox(self) -> SqliteHookOutbox:
        """The hook outbox."""
        from adapters.sqlite.hook_outbox import SqliteHookOutbox

        return SqliteHookOutbox(self.connection)

    @cached_property
    def server_jobs(self) -> SqliteServerJobs:
        """Jobs on render servers; their table is created if it is missing."""
        from adapters.sqlite.renders import SqliteServerJobs

        return SqliteServerJobs(self.connection)


_WATCH_WAIT_SECONDS = 0.02  # for a lock


class SqliteQueueControls:
    """Pauses and resumes the queue; reading works without Media Generator's own tables.

    Args:
        connection: to the database.
        place: returns where this process renders; called when there is a pause by the environment.

    Raises:
        RepositoryError: the shared tables lack a required table or column.
    """

    def __init__(
        self, connection: Connection, place: Callable[[], WorkerPlace] = WorkerPlace
    ) -> None:
        check_shared_tables(connection)
        self._connection = connection
        self._place = place
        self._sql = statements("controls")
        self._version = 0

    def pauses(self) -> tuple[Pause, ...]:
        """All pauses: a person's, then those in force here, then those elsewhere."""
        # Called before every claim; once created, the tables stay.
        if self._version < SCHEMA_VERSION:
            self._version = bookkeeping_version(self._connection)
        if not self._version:
            return ()
        person = tuple(
            Pause(PausedBy.PERSON, reason, "", since, ())
            for reason, since in self._connection.rows(self._sql["person"])
        )
        if self._version < SCHEMA_VERSION or not self._connection.rows(self._sql["is_any"]):
            return person
        rows = self._connection.rows(self._sql["environment"], self._here())
        pauses = [_environment_pause(*row) for row in rows]
        return (*person, *sorted(pauses, key=lambda pause: bool(pause.elsewhere)))

    def paused(self) -> Pause | None:
        """The first pause that is in force here, or None."""
        return next((pause for pause in self.pauses() if not pause.elsewhere), None)

    def pause(
        self,
        by: PausedBy,
        reason: str,
        code: str,
        suspects: tuple[int, ...],
        kinds: Collection[Kind] = tuple(Kind),
    ) -> None:
        """Pause the queue, everywhere or here."""
        prepare_bookkeeping(self._connection, create_indexes=False)
        with self._connection.writing():
            values = {"reason": storable_text(reason)}
            if by is PausedBy.PERSON:
                self._connection.change(self._sql["pause_by_person"], values)
                return
            values |= {**self._here(), "code": code, "suspects": json.dumps(suspects)}
            self._connection.change(self._sql["forget_old"])
            for kind in kinds:
                self._connection.change(
                    self._sql["pause_by_environment"], values | {"kind": kind.value}
                )

    def resume(self, by: PausedBy | None = None, kinds: Collection[Kind] = tuple(Kind)) -> bool:
        """End pauses; returns whether there were any."""
        if not bookkeeping_version(self._connection):
            return False
        prepare_bookkeeping(self._connection, create_indexes=False)
        ended = 0
        with self._connection.writing():
            if by is not PausedBy.ENVIRONMENT:
                ended += self._connection.change(self._sql["resume_person"])
            if by is PausedBy.ENVIRONMENT:
                here = {**self._here(), "kinds": json.dumps(list(kinds))}
                ended += self._connection.change(self._sql["resume_here"], here)
            elif by is None:
                ended += self._connection.change(self._sql["resume_all"])
        return bool(ended)

    def _here(self) -> dict[str, str]:
        place = self._place()
        return {"host": place.host, "boot": place.boot, "settings": place.settings}


def _environment_pause(  # noqa: PLR0913, PLR0917 - the columns of the statement
    same_host: int,
    same_settings: int,
    kind: str,
    code: str,
    reason: str,
    suspects: str,
    since: str,
    host: str,
    settings: str,
) -> Pause:
    differing = [] if same_host else [f"on {host}"]
    differing += [] if same_settings else [f"with {settings}"]
    return Pause(
        PausedBy.ENVIRONMENT,
        reason,
        code,
        since,
        tuple(json.loads(suspects)),
        Kind(kind),
        ", ".join(differing),
    )


class SqliteQueueWatch:
    """Reads ``PRAGMA data_version``, which changes with every commit of other connections.

    Source: SQLite's documentation of that pragma. It reads a counter and, in journal modes other
    than WAL, briefly takes a shared lock.

    Raises:
        RepositoryError: the database cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, _WATCH_WAIT_SECONDS, durable=False)
        self._seen: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call."""
        self._connection.check_identity()
        try:
            [(version,)] = self._connection.rows("PRAGMA data_version")
        except RepositoryBusyError:
            return False  # the program that holds the lock will commit, and the next call notices
        before, self._seen = self._seen, version
        return bool(version != before)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


_NOW = "strftime('%Y-%m-%d %H:%M:%S', 'now')"
_PROMPT_COLUMNS = frozenset(REQUIRED["prompts"]) | {
    "priority",
    "config_name",
    "metadata",
    "processed_at",
    "completed_at",
    "processing_duration",
    "artifact_metadata",
}
_WRITING_COLUMNS = frozenset(REQUIRED["writings"]) | {
    "title",
    "original_filename",
    "created_date",
    "file_timestamp",
    "word_count",
    "character_count",
    "line_count",
    "publication_status",
    "mood",
    "explicit_content",
    "notes",
    "content_hash",
    "generation_method",
}
_DATES = frozenset({"created_at", "processed_at", "completed_at", "created_date", "file_timestamp"})


class SqlitePromptIntake:
    """Inserts prompts and writings into tables with few or many columns.

    Raises:
        RepositoryError: the tables lack a column, or require an unknown value.
    """

    def __init__(self, connection: Connection) -> None:
        check_shared_tables(connection)
        bookkeeping_version(connection)  # one of a newer version may want more than we write
        check_insertable(connection, "prompts", _PROMPT_COLUMNS)
        check_insertable(connection, "writings", _WRITING_COLUMNS)
        self._connection = connection
        self._prompts = list(columns_of(connection, "prompts"))
        self._writings = list(columns_of(connection, "writings"))
        self._links = has_junction(connection)
        # Left out where it is optional: in some databases it must be unique, but the same brief
        # may be submitted twice.
        if not columns_of(connection, "writings").get("content_hash"):
            self._writings = [column for column in self._writings if column != "content_hash"]
        self._sql = statements("intake")

    def submit(self, submissions: Iterable[Submission]) -> tuple[int, ...]:
        """Add all of them in one transaction, or none; returns their ids in order."""
        with self._connection.writing():
            return tuple(self._add(submission) for submission in submissions)

    def _add(self, submission: Submission) -> int:
        prompt_id = self._insert("prompts", self._prompts, _prompt_row(submission))
        writing = _writing_row(submission, prompt_id)
        writing_id = self._insert("writings", self._writings, writing)
        ids = {"prompt_id": prompt_id, "writing_id": writing_id}
        if self._links:
            self._connection.change(self._sql["link"], ids)
        self._connection.change(self._sql["complete"], ids)
        return prompt_id

    def _insert(self, table: str, columns: Iterable[str], row: Mapping[str, object]) -> int:
        present = [column for column in columns if column in row or column in _DATES]
        statement = self._sql["insert_row"].format(
            table=table,
            columns=", ".join(present),
            values=", ".join(_NOW if column in _DATES else f":{column}" for column in present),
        )
        [(row_id,)] = self._connection.rows(statement, row)
        return int(row_id)


def _prompt_row(submission: Submission) -> dict[str, object]:
    return {
        "prompt_text": submission.text,
        "prompt_type": submission.kind.prompt_type,
        "status": "processing",
        "artifact_status": "pending",
        "priority": 5,
        "config_name": "mediagen",
        "processing_duration": 0.0,
    }


def _writing_row(submission: Submission, prompt_id: int) -> dict[str, object]:
    import hashlib

    content = submission.content
    kind = submission.kind.prompt_type
    return {
        "content_type": kind,
        "content": content,
        "source_prompt_id": prompt_id,
        "title": submission.title,
        "original_filename": f"{kind}_{prompt_id}.json",
        "word_count": len(content.split()),
        "character_count": len(content),
        "line_count": content.count("\n") + 1,
        "publication_status": "draft",
        "explicit_content": 0,
        "notes": "",
        "content_hash": hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        "generation_method": "submitted",
    }
