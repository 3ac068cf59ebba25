"""Reading the queue in SQLite; works without Media Generator's own tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.sqlite.bookkeeping import bookkeeping_version
from adapters.sqlite.shared_schema import check_shared_tables
from adapters.sqlite.statements import column_text, like_pattern, statements
from application.ports.prompt_catalogue import (
    ArtifactRecord,
    PromptRecord,
    QueueSummary,
    RenderRecord,
)
from domain.prompt import Kind, Prompt, Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.sqlite.connection import Connection
    from application.ports.prompt_catalogue import PromptQuery
    from domain.lease import ProcessIdentity

    WhyLost = Callable[[ProcessIdentity, datetime | None], str]

_KINDS = {kind.prompt_type: kind for kind in Kind}


class SqlitePromptCatalogue:
    """Reads prompts, renders and artifacts.

    Args:
        connection: to the database.
        why_lost: given the owner of a live render and its last heartbeat, returns why the owner
            seems lost, or ""; by default always "".

    Raises:
        RepositoryError: the shared tables lack a required table or column.
    """

    def __init__(self, connection: Connection, why_lost: WhyLost = lambda *_: "") -> None:
        check_shared_tables(connection)
        bookkeeping_version(connection)  # a newer version is refused
        self._connection = connection
        self._why_lost = why_lost
        self._sql = statements("catalogue")

    def summary(self) -> QueueSummary:
        """The queue in numbers, and its live renders."""
        counts: dict[Kind, dict[str, int]] = defaultdict(dict)
        for prompt_type, status, count in self._rows("counts"):
            counts[_KINDS[prompt_type]][column_text(status) or ""] = count
        oldest: dict[Kind, str | None] = {}
        for prompt_type, count, created_at, any_undated in self._rows("pending"):
            counts[_KINDS[prompt_type]]["pending"] = count
            oldest[_KINDS[prompt_type]] = None if any_undated else column_text(created_at)
        unwritten = {_KINDS[prompt_type]: count for prompt_type, count in self._rows("unwritten")}
        waiting = self._waiting()
        newest = self._renders("newest_render")
        return QueueSummary(
            dict(counts),
            unwritten,
            {kind: count for kind, count, _ in waiting},
            min((due for *_, due in waiting), default=None),
            oldest,
            self._live(),
            newest[0] if newest and _is_trouble(newest[0]) else None,
        )

    def search(self, query: PromptQuery) -> Sequence[Prompt]:
        """The prompts that match, newest first."""
        return tuple(
            _prompt(row)
            for row in self._rows(
                "search",
                prompt_type=query.kind.prompt_type if query.kind else None,
                artifact_status=query.artifact_status,
                pattern=like_pattern(query.text),
                limit=query.limit,
            )
        )

    def find(self, prompt_id: int) -> PromptRecord | None:
        """The prompt with an id, or None if Media Generator has no such prompt."""
        for row in self._rows("prompt", prompt_id=prompt_id):
            status, writing_id, content = row[6:]
            return PromptRecord(
                _prompt(row[:6]),
                column_text(status) or "",
                None if writing_id is None else Writing(writing_id, content),
                self._renders("renders", prompt_id=prompt_id),
                tuple(
                    _artifact(columns) for columns in self._rows("artifacts", prompt_id=prompt_id)
                ),
            )
        return None

    def _waiting(self) -> list[tuple[Kind, int, str]]:
        if not bookkeeping_version(self._connection):
            return []
        return [(_KINDS[prompt_type], *rest) for prompt_type, *rest in self._rows("waiting")]

    def _live(self) -> tuple[RenderRecord, ...]:
        if not bookkeeping_version(self._connection):
            return ()
        return tuple(self._live_render(row) for row in self._rows("rendering"))

    def _live_render(self, row: tuple[Any, ...]) -> RenderRecord:
        from domain.lease import ProcessIdentity, heartbeat_time

        *columns, boot, namespace, started, heartbeat = row
        render = _render(tuple(columns))
        owner = ProcessIdentity(render.owner_host, boot, namespace, render.owner_pid, started)
        claimed_at = datetime.fromisoformat(render.claimed_at).replace(tzinfo=UTC)
        lost = self._why_lost(owner, heartbeat_time(heartbeat, claimed_at))
        return replace(render, lost=lost)

    def _renders(self, name: str, **values: object) -> tuple[RenderRecord, ...]:
        if not bookkeeping_version(self._connection):
            return ()
        return tuple(_render(row) for row in self._rows(name, **values))

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._sql[name], values)


def _prompt(row: tuple[Any, ...]) -> Prompt:
    prompt_id, prompt_type, text, artifact_status, created_at, error_message = row
    return Prompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        column_text(artifact_status) or "",
        column_text(created_at),
        column_text(error_message) or None,  # emptied where the table refuses NULL
    )


def _render(row: tuple[Any, ...]) -> RenderRecord:
    render_id, prompt_id, kind, *rest = row
    return RenderRecord(render_id, prompt_id, Kind(kind), *rest)


def _artifact(row: tuple[Any, ...]) -> ArtifactRecord:
    artifact_id, artifact_type, file_path, preview_path, *rest = row
    return ArtifactRecord(
        artifact_id,
        column_text(artifact_type) or "",
        column_text(file_path) or "",
        column_text(preview_path) or None,
        *map(column_text, rest),
    )


def _is_trouble(render: RenderRecord) -> bool:
    if render.outcome != "released":
        return False
    from domain.failure import Blame, FailureCode

    return (
        render.failure_code in set(FailureCode)
        and FailureCode(render.failure_code).blame is not Blame.PERSON
    )
