"""Looking at the queue in SQLite; works without our own tables."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from adapters.sqlite.bookkeeping import has_bookkeeping
from adapters.sqlite.column_text import column_text, like_pattern
from adapters.sqlite.shape import check_shape
from adapters.sqlite.statements import statements
from application.ports.prompt_catalogue import (
    ArtifactRecord,
    PromptRecord,
    QueueSummary,
    RenderRecord,
)
from domain.failure import Blame, FailureCode
from domain.kind import Kind
from domain.prompt import Prompt, Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.sqlite.connection import Connection
    from application.ports.prompt_catalogue import PromptQuery

_KINDS = {kind.prompt_type: kind for kind in Kind}


class SqlitePromptCatalogue:
    """Reads prompts, renders and artifacts.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(self, connection: Connection) -> None:
        check_shape(connection)
        self._connection = connection
        self._sql = statements("catalogue")

    def summary(self) -> QueueSummary:
        """Count and name what matters."""
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
            self._renders("rendering"),
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
        """One prompt of ours, or None when there is none with that id."""
        for row in self._rows("prompt", prompt_id=prompt_id):
            status, writing_id, content = row[6:]
            return PromptRecord(
                _prompt(row[:6]),
                column_text(status) or "",
                None if writing_id is None else Writing(writing_id, content),
                self._renders("renders", prompt_id=prompt_id),
                tuple(_artifact(found) for found in self._rows("artifacts", prompt_id=prompt_id)),
            )
        return None

    def _waiting(self) -> list[tuple[Kind, int, str]]:
        if not has_bookkeeping(self._connection):
            return []
        return [(_KINDS[prompt_type], *others) for prompt_type, *others in self._rows("waiting")]

    def _renders(self, name: str, **values: object) -> tuple[RenderRecord, ...]:
        if not has_bookkeeping(self._connection):
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
        column_text(error_message),
    )


def _render(row: tuple[Any, ...]) -> RenderRecord:
    render_id, prompt_id, kind, *others = row
    return RenderRecord(render_id, prompt_id, Kind(kind), *others)


def _artifact(row: tuple[Any, ...]) -> ArtifactRecord:
    artifact_id, artifact_type, file_path, *others = row
    return ArtifactRecord(
        artifact_id,
        column_text(artifact_type) or "",
        column_text(file_path) or "",
        *map(column_text, others),
    )


def _is_trouble(render: RenderRecord) -> bool:
    return (
        render.outcome == "released"
        and render.failure_code in set(FailureCode)
        and FailureCode(render.failure_code).blame is Blame.ENVIRONMENT
    )
