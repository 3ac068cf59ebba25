"""Renders for the page; nothing where our own table is not there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.bookkeeping import bookkeeping_version
from application.ports.prompt_catalogue import RenderRecord
from application.render_statistics import EndedRender, summarize
from domain.prompt import Kind
from domain.timestamps import iso_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from adapters.sql_queue.connection import Connection
    from application.ports.gallery import History

_MAX_ID: Final = (1 << 63) - 1
_MAX_ROWS: Final = 2_000  # read at once


@dataclass(frozen=True, slots=True)
class LastRender:
    """The last render of a prompt.

    Attributes:
        attempt: its number, from 1; 0 when the prompt was never rendered.
        finished_at: ISO 8601, or None.
        retry_at: ISO 8601; None when the prompt does not wait for a retry.
        is_continued: whether another render follows: the prompt was released, or is retried.
    """

    attempt: int = 0
    failure_code: str | None = None
    failure_message: str | None = None
    finished_at: str | None = None
    retry_at: str | None = None
    is_continued: bool = False


class GalleryRenders:
    """Reads ``media_generator_renders``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("gallery_renders")

    def last_of(self, prompt_ids: Collection[int]) -> dict[int, LastRender]:
        """The last render of each of the prompts that has one."""
        rows = self._rows("last_renders", ids=json.dumps(list(prompt_ids)))
        return {
            prompt_id: LastRender(
                attempt,
                code,
                message,
                iso_timestamp(finished_at),
                iso_timestamp(retry_at),
                bool(on),
            )
            for prompt_id, attempt, code, message, finished_at, retry_at, on in rows
        }

    def ended(self, limit: int) -> tuple[RenderRecord, ...]:
        """The last renders that have an outcome."""
        return tuple(map(_record, self._rows("ended", limit=limit)))

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """Outcomes of renders, over time."""
        return summarize(self._ended_since(since), max(1, bucket_seconds))

    def _ended_since(self, since: datetime) -> Iterator[EndedRender]:
        since_text = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        before = _MAX_ID
        while True:
            rows = self._rows("ended_before", since=since_text, before=before, limit=_MAX_ROWS)
            counted = [row for row in rows if row[1]]
            for _, _, finished_at, kind, *values in counted:
                yield EndedRender(finished_at, Kind(kind), *values)
            # When that many in a row ended too early, none before them ended later.
            if len(rows) < _MAX_ROWS or not counted:
                return
            before = rows[-1][0]

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        if not bookkeeping_version(self._connection):
            return []
        return self._connection.rows(self._sql[name], values)


def _record(row: tuple[Any, ...]) -> RenderRecord:
    render_id, prompt_id, kind, *values = row
    record = RenderRecord(render_id, prompt_id, Kind(kind), *values)
    return replace(
        record,
        claimed_at=iso_timestamp(record.claimed_at) or record.claimed_at,
        finished_at=iso_timestamp(record.finished_at),
        retry_at=iso_timestamp(record.retry_at),
    )
