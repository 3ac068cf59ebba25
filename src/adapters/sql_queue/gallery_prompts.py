"""Prompts for the page: the list of all of them, what waits and what failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.bookkeeping import (
    bookkeeping_version,
    has_failure_index,
    index_hint,
    sort_key,
    state_hint,
)
from adapters.sql_queue.gallery_renders import GalleryRenders, LastRender
from adapters.sql_queue.prompt_order import MAX_PIECE, MAX_ROWS, pieces, prompt_order
from adapters.sql_queue.statements import column_text, like_pattern
from application.ports.gallery import (
    FailedPrompt,
    ListedPrompt,
    PlainPrompt,
    PromptPage,
    PromptPosition,
    PromptPreview,
    WaitingPrompt,
)
from application.ports.intake import USUAL_PRIORITY
from domain.artifact_status import ArtifactStatus
from domain.prompt import CANCELLED, Kind, Writing
from domain.timestamps import TimeRange, iso_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapters.sql_queue.connection import Connection
    from application.ports.gallery import PromptListQuery

_PRIORITIES_VERSION: Final = 3  # of our tables, since which a person can move prompts
_MAX_SORTED: Final = 100  # prompts in error whose last renders are all read
_MAX_ROWS_OF_ALL: Final = (1 << 63) - 1
_NO_RENDER: Final = LastRender()
_KINDS: Final = {kind.prompt_type: kind for kind in Kind}
_Row = tuple[Any, ...]


class GalleryPrompts:
    """Reads prompts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._renders = GalleryRenders(connection)
        self._sql = connection.statements("gallery_prompts")

    def page(self, query: PromptListQuery) -> PromptPage:
        """Image and lyrics prompts, newest first."""
        kinds = [query.kind] if query.kind else list(Kind)
        types = [kind.prompt_type for kind in kinds]
        time_range = TimeRange(query.since, query.until)
        is_filtered = query.text is not None or not time_range.is_unbounded
        positions: list[PromptPosition] = []
        read = 0
        with self._connection.reading():
            order = prompt_order(self._connection, types, time_range, query.status)
            length = order.min_piece if is_filtered else query.limit + 1
            for piece in pieces(order, query.after, length):
                positions += self._matching(piece, query)
                read += len(piece)
                if len(positions) > query.limit:
                    return PromptPage(
                        self.listed(positions[: query.limit]), positions[query.limit - 1]
                    )
                if read >= MAX_ROWS:
                    return PromptPage(self.listed(positions), piece[-1])
            return PromptPage(self.listed(positions), None)

    def _matching(
        self, positions: list[PromptPosition], query: PromptListQuery
    ) -> list[PromptPosition]:
        time_range = TimeRange(query.since, query.until)
        if not time_range.is_unbounded:
            positions = [
                position for position in positions if time_range.contains(position.created_at)
            ]
        if query.text is None:
            return positions
        ids = json.dumps([position.prompt_id for position in positions])
        rows = self._rows("matching", ids=ids, pattern=like_pattern(query.text))
        matching = {prompt_id for (prompt_id,) in rows}
        return [position for position in positions if position.prompt_id in matching]

    def plain(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> tuple[PlainPrompt, ...]:
        """Rows of any type as they are, newest first."""
        types = [column_text(prompt_type) or "" for prompt_type in prompt_types]
        prompts: list[PlainPrompt] = []
        with self._connection.reading():
            order = prompt_order(self._connection, types, TimeRange())
            for piece in pieces(order, None, limit if status is None else max(limit, MAX_PIECE)):
                ids = [position.prompt_id for position in piece]
                rows = self._by_id("plain", ids, {"status": column_text(status)})
                prompts += [_plain_prompt(rows[number]) for number in ids if number in rows]
                if len(prompts) >= limit:
                    break
        return tuple(prompts[:limit])

    def waiting(self, kind: Kind, limit: int, offset: int = 0) -> tuple[WaitingPrompt, ...]:
        """Pending prompts that have their writing: as moved, then the oldest first."""
        with self._connection.reading():
            ids = self._waiting_ids(kind, limit, offset)
            by_id = self._by_id("listed", ids, {})
            last = self._renders.last_of(ids)
        prompts = []
        for prompt_id in ids:
            _, _, text, _, _, created_at, _, writing_id, content = by_id[prompt_id]
            render = last.get(prompt_id, _NO_RENDER)
            prompts.append(
                WaitingPrompt(
                    prompt_id,
                    kind,
                    column_text(text) or "",
                    iso_timestamp(created_at),
                    Writing(writing_id, content),
                    render.retry_at,
                    render.failure_code if render.is_continued else None,
                )
            )
        return tuple(prompts)

    def waiting_ids(self, kind: Kind) -> tuple[int, ...]:
        """The ids of all pending prompts that have their writing, in the order of ``waiting``."""
        with self._connection.reading():
            return tuple(self._waiting_ids(kind, _MAX_ROWS_OF_ALL, 0))

    def _waiting_ids(self, kind: Kind, limit: int, offset: int) -> list[int]:
        """A part of the list of pending prompts: before, among and after those in order of age."""
        moved = self._moved(kind)
        front = [prompt_id for priority, prompt_id in moved if priority > USUAL_PRIORITY]
        back = [prompt_id for priority, prompt_id in moved if priority < USUAL_PRIORITY]
        ids = front[offset : offset + limit]
        template = self._sql["waiting"]
        unmoved = self._sql["unmoved"] if moved else "TRUE"
        statement = template.format(
            index=index_hint(self._connection, kind), prompt_type=kind.prompt_type, unmoved=unmoved
        )
        start = max(0, offset - len(front))
        missing = limit - len(ids)
        # Few rows are skipped if there are others behind them; otherwise all are counted.
        values = {"limit": start + missing if back else missing, "offset": 0 if back else start}
        by_age = [prompt_id for (prompt_id,) in self._connection.rows(statement, values)]
        if not back:
            return ids + by_age
        start_of_back = max(0, start - len(by_age))
        return (ids + by_age[start:] + back[start_of_back:])[:limit]

    def _moved(self, kind: Kind) -> list[tuple[int, int]]:
        """Priorities and ids of the pending prompts that a person moved, in their order."""
        if bookkeeping_version(self._connection) < _PRIORITIES_VERSION:
            return []
        statement = self._sql["waiting_moved"].format(prompt_type=kind.prompt_type)
        return [(priority, prompt_id) for priority, prompt_id in self._connection.rows(statement)]

    def previews(self, prompt_ids: Collection[int]) -> dict[int, PromptPreview]:
        """What a short list shows of prompts."""
        ids = list(prompt_ids)
        rows = self._by_id("listed", ids, {})
        artifacts: dict[int, int] = dict(self._rows("newest_artifacts", ids=json.dumps(ids)))
        return {
            prompt_id: PromptPreview(
                column_text(row[2]) or "",
                None if row[7] is None else Writing(*row[7:]),
                artifacts.get(prompt_id),
            )
            for prompt_id, row in rows.items()
        }

    def failed(
        self, limit: int, *, cancelled: bool = False, offset: int = 0
    ) -> tuple[FailedPrompt, ...]:
        """Prompts that failed, or that a person cancelled, the last one first."""
        with self._connection.reading():
            shown = CANCELLED if cancelled else ArtifactStatus.ERROR.value
            ids = self._failed_ids(offset + limit, shown)[offset:]
            rows = self._by_id("listed", ids, {})
            last = self._renders.last_of(ids)
        return tuple(
            _failed(rows[number], last.get(number, _NO_RENDER)) for number in ids if number in rows
        )

    def _failed_ids(self, limit: int, shown: str) -> list[int]:
        """Prompts in error by the time at which their last render failed, the others after them."""
        has_index = has_failure_index(self._connection)
        prompts: list[_Row] = []
        for kind in Kind:
            statement = self._sql["in_error"].format(
                index=state_hint(self._connection, kind), prompt_type=kind.prompt_type
            )
            most = _MAX_SORTED + 1 if has_index else _MAX_ROWS_OF_ALL
            prompts += self._connection.rows(statement, {"limit": most, "shown": shown})
        if has_index and len(prompts) > _MAX_SORTED:
            ids = [
                prompt_id for (prompt_id,) in self._rows("failed_last", limit=limit, shown=shown)
            ]
            if len(ids) < limit:
                rest = {"ids": json.dumps(ids), "limit": limit - len(ids), "shown": shown}
                ids += [prompt_id for (prompt_id,) in self._rows("failed_otherwise", **rest)]
            return ids
        last = self._renders.last_of([prompt_id for prompt_id, _ in prompts])
        failed_at = {
            prompt_id: render.finished_at or ""
            for prompt_id, render in last.items()
            if render.failure_code
        }
        prompts.sort(
            key=lambda row: (failed_at.get(row[0], ""), sort_key(row[1]), row[0]), reverse=True
        )
        return [prompt_id for prompt_id, _ in prompts[:limit]]

    def listed(self, positions: list[PromptPosition]) -> tuple[ListedPrompt, ...]:
        """The prompts at these positions, as far as they are there."""
        ids = [position.prompt_id for position in positions]
        rows = self._by_id("listed", ids, {})
        last = self._renders.last_of(ids)
        counts: dict[int, int] = dict(self._rows("artifact_counts", ids=json.dumps(ids)))
        return tuple(
            _listed(rows[number], last.get(number, _NO_RENDER), counts.get(number, 0))
            for number in ids
            if number in rows
        )

    def _by_id(self, name: str, ids: list[int], filters: dict[str, str | None]) -> dict[int, _Row]:
        return {row[0]: row for row in self._rows(name, ids=json.dumps(ids), **filters)}

    def _rows(self, name: str, **values: object) -> list[_Row]:
        return self._connection.rows(self._sql[name], values)


def _listed(row: _Row, last: LastRender, count: int) -> ListedPrompt:
    prompt_id, prompt_type, text, status, artifact_status, created_at, error, *writing = row
    return ListedPrompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        column_text(status) or "",
        column_text(artifact_status) or "",
        iso_timestamp(created_at),
        column_text(error) or None,
        last.failure_code,
        None if writing[0] is None else Writing(*writing),
        count,
    )


def _failed(row: _Row, last: LastRender) -> FailedPrompt:
    prompt_id, prompt_type, text, _, _, created_at, error, *writing = row
    failure = (last.failure_code, last.failure_message, last.finished_at)
    return FailedPrompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        iso_timestamp(created_at),
        column_text(error) or None,
        *(failure if last.failure_code else (None, None, None)),
        last.attempt,
        None if writing[0] is None else Writing(*writing),
    )


def _plain_prompt(row: _Row) -> PlainPrompt:
    prompt_id, text, prompt_type, status, artifact_status, reference, created_at, error = row
    return PlainPrompt(
        prompt_id,
        column_text(text),
        column_text(prompt_type),
        column_text(status),
        column_text(artifact_status),
        reference if isinstance(reference, int) else column_text(reference),
        iso_timestamp(created_at),
        column_text(error) or None,
    )
