"""Renders in SQLite, for the page; nothing where our own table is not there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from adapters.sqlite.bookkeeping import has_bookkeeping
from adapters.sqlite.statements import statements
from application.ports.prompt_catalogue import RenderRecord
from application.render_sums import EndedRender, summed_up
from domain.kind import Kind
from domain.moment import iso_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from adapters.sqlite.connection import Connection
    from application.ports.gallery_history import History

_BEYOND: Final = (1 << 63) - 1  # no render has a greater number
_STRETCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class LastRender:
    """How the last render of a prompt stands.

    Attributes:
        attempt: counted from 1; 0 when there never was one.
        finished_at: ISO 8601, or None.
        retry_at: ISO 8601; None when the prompt does not wait.
        goes_on: whether the next one continues where it ended: it was given back, or the prompt
            is tried again.
    """

    attempt: int = 0
    failure_code: str | None = None
    failure_message: str | None = None
    finished_at: str | None = None
    retry_at: str | None = None
    goes_on: bool = False


class GalleryRenders:
    """Reads ``media_generator_renders``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = statements("gallery_renders")

    def last_of(self, prompt_ids: Collection[int]) -> dict[int, LastRender]:
        """The last render of each of the prompts that has one."""
        rows = self._rows("last_renders", ids=json.dumps(list(prompt_ids)))
        return {
            prompt_id: LastRender(
                attempt, code, message, iso_moment(finished_at), iso_moment(retry_at), bool(on)
            )
            for prompt_id, attempt, code, message, finished_at, retry_at, on in rows
        }

    def ended(self, limit: int) -> tuple[RenderRecord, ...]:
        """The last renders that have an outcome."""
        return tuple(map(_record, self._rows("ended", limit=limit)))

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """What renders came to, over time."""
        return summed_up(self._ended_since(since), max(1, bucket_seconds))

    def _ended_since(self, since: datetime) -> Iterator[EndedRender]:
        asked = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        before = _BEYOND
        while True:
            rows = self._rows("ended_before", since=asked, before=before, limit=_STRETCH)
            counted = [row for row in rows if row[1]]
            for _, _, at, kind, *others in counted:
                yield EndedRender(at, Kind(kind), *others)
            # Where so many in a row ended too early, none before them ended later.
            if len(rows) < _STRETCH or not counted:
                return
            before = rows[-1][0]

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        if not has_bookkeeping(self._connection):
            return []
        return self._connection.rows(self._sql[name], values)


def _record(row: tuple[Any, ...]) -> RenderRecord:
    render_id, prompt_id, kind, *others = row
    found = RenderRecord(render_id, prompt_id, Kind(kind), *others)
    return replace(
        found,
        claimed_at=iso_moment(found.claimed_at) or found.claimed_at,
        finished_at=iso_moment(found.finished_at),
        retry_at=iso_moment(found.retry_at),
    )
