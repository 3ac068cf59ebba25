"""Adding prompts to the queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from adapters.sql_queue.bookkeeping import bookkeeping_version, prepare_bookkeeping
from adapters.sql_queue.shared_schema import (
    REQUIRED,
    check_insertable,
    check_shared_tables,
    has_junction,
)
from application.ports.intake import USUAL_PRIORITY, KeyReusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.sql_queue.connection import Connection
    from application.ports.intake import Submission, SubmitRequest

_REQUESTS_VERSION: Final = 3  # of our tables, since which submissions have keys
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


class SqlPromptIntake:
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
        self._prompts = list(connection.columns("prompts"))
        self._writings = list(connection.columns("writings"))
        self._links = has_junction(connection)
        # Left out where it is optional: in some databases it must be unique, but the same brief
        # may be submitted twice.
        if not connection.columns("writings").get("content_hash"):
            self._writings = [column for column in self._writings if column != "content_hash"]
        self._sql = connection.statements("intake")
        self._now = self._sql["now"]

    def submit(
        self, submissions: Iterable[Submission], request: SubmitRequest | None = None
    ) -> tuple[int, ...]:
        """Add all of them in one transaction, or none; returns their ids in order.

        Raises:
            KeyReusedError: something else was submitted under the request's key.
        """
        submissions = tuple(submissions)
        if request or any(
            new.workflow or new.label or new.priority != USUAL_PRIORITY for new in submissions
        ):
            prepare_bookkeeping(self._connection, create_indexes=False)  # tables of our own
        with self._connection.writing(wakes=True):
            if request and (earlier := self._earlier(request.key)):
                digest, ids = earlier
                if digest != request.digest:
                    raise KeyReusedError(request.key)
                return ids
            ids = tuple(self._add(submission) for submission in submissions)
            if request:
                row = {"request_key": request.key, "digest": request.digest}
                row["prompt_ids"] = json.dumps(ids)
                self._connection.change(self._sql["add_request"], row)
            return ids

    def submitted(self, key: str) -> tuple[int, ...] | None:
        """The ids of the prompts that were submitted under a key; None if it is unknown."""
        if bookkeeping_version(self._connection) < _REQUESTS_VERSION:
            return None
        earlier = self._earlier(key)
        return None if earlier is None else earlier[1]

    def _earlier(self, key: str) -> tuple[str, tuple[int, ...]] | None:
        rows = self._connection.rows(self._sql["request"], {"request_key": key})
        return (rows[0][0], tuple(json.loads(rows[0][1]))) if rows else None

    def _add(self, submission: Submission) -> int:
        prompt_id = self._insert("prompts", self._prompts, _prompt_row(submission))
        writing = _writing_row(submission, prompt_id)
        writing_id = self._insert("writings", self._writings, writing)
        ids = {"prompt_id": prompt_id, "writing_id": writing_id}
        if self._links:
            self._connection.change(self._sql["link"], ids)
        self._connection.change(self._sql["complete"], ids)
        if submission.priority != USUAL_PRIORITY:
            # The prompts' own column need not exist, and counts only where a setting says so.
            place = {"prompt_id": prompt_id, "priority": submission.priority}
            self._connection.change(self._connection.statements("endings")["set_priority"], place)
        if submission.workflow:
            choice = {"prompt_id": prompt_id, "workflow": submission.workflow}
            self._connection.change(self._connection.statements("workflows")["choose"], choice)
        if submission.label:
            row = {"prompt_id": prompt_id, "label": submission.label}
            row["varied"] = json.dumps(dict(submission.varied))
            self._connection.change(self._connection.statements("labels")["set_label"], row)
        return prompt_id

    def _insert(self, table: str, columns: Iterable[str], row: Mapping[str, object]) -> int:
        present = [column for column in columns if column in row or column in _DATES]
        statement = self._sql["insert_row"].format(
            table=table,
            columns=", ".join(present),
            values=", ".join(self._now if column in _DATES else f":{column}" for column in present),
        )
        [(row_id,)] = self._connection.rows(statement, row)
        return int(row_id)


def _prompt_row(submission: Submission) -> dict[str, object]:
    return {
        "prompt_text": submission.text,
        "prompt_type": submission.kind.prompt_type,
        "status": "processing",
        "artifact_status": "pending",
        "priority": submission.priority,
        "config_name": submission.workflow or "mediagen",
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
        "explicit_content": False,
        "notes": "",
        "content_hash": hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        "generation_method": "submitted",
    }
