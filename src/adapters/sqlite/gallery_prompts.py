"""Prompts in SQLite, for the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.sqlite.bookkeeping import has_bookkeeping, index_hint
from adapters.sqlite.column_text import column_text, like_pattern
from adapters.sqlite.connection import IndexLostError
from adapters.sqlite.gallery_order import IndexedOrder, ScannedOrder, pieces
from adapters.sqlite.gallery_renders import GalleryRenders, LastRender
from adapters.sqlite.statements import statements
from application.ports.gallery_prompts import (
    FailedPrompt,
    ListedPrompt,
    PlainPrompt,
    PromptPage,
    PromptPosition,
    WaitingPrompt,
)
from domain.kind import Kind
from domain.moment import iso_moment
from domain.prompt import Writing
from domain.span import Span

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapters.sqlite.connection import Connection
    from application.ports.gallery_prompts import PromptListQuery

# How many rows one page looks at by an index; each costs about 5 µs, 10 with its text.
_ROWS: Final = 5_000
_ROWS_BY_STATUS: Final = 3_000
_SHORT_PIECE: Final = 200
_LONG_PIECE: Final = 2_000
_NOTHING: Final = LastRender()
_KINDS: Final = {kind.prompt_type: kind for kind in Kind}
_Row = tuple[Any, ...]


class GalleryPrompts:
    """Reads prompts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._renders = GalleryRenders(connection)
        self._sql = statements("gallery_prompts")

    def page(self, query: PromptListQuery) -> PromptPage:
        """Prompts of ours, newest first."""
        span = Span(query.since, query.until)
        order = IndexedOrder(self._connection, [query.kind] if query.kind else list(Kind), span)
        if order.is_there:
            try:
                return self._by_index(query, order)
            except IndexLostError:  # whoever rebuilds the table drops its indexes too
                pass
        return self._by_scan(query, query.after, [])

    def _by_index(self, query: PromptListQuery, order: IndexedOrder) -> PromptPage:
        picky = (query.text, query.status, query.since, query.until) != (None, None, None, None)
        by_status = query.status is not None and query.text is None
        most = _ROWS_BY_STATUS if by_status else _ROWS
        found: list[PromptPosition] = []
        seen = 0
        for piece in pieces(order, query.after, _SHORT_PIECE if picky else query.limit + 1):
            found += self._matching(piece, query)
            seen += len(piece)
            if len(found) > query.limit:
                return self._full(found, query)
            if seen >= most:
                # Few prompts have this status: to look through the table is faster from here on.
                if by_status:
                    return self._by_scan(query, piece[-1], found)
                return PromptPage(self._listed(found), piece[-1])
        return PromptPage(self._listed(found), None)

    def _by_scan(
        self, query: PromptListQuery, after: PromptPosition | None, found: list[PromptPosition]
    ) -> PromptPage:
        types = [kind.prompt_type for kind in ([query.kind] if query.kind else Kind)]
        span = Span(query.since, query.until)
        order = ScannedOrder(self._connection, types, span, query.status)
        picky = query.text is not None or not span.is_endless
        length = _ROWS if picky else query.limit + 1
        piece = order.piece(after, length)
        found = found + self._matching(piece, query)
        if len(found) > query.limit:
            return self._full(found, query)
        return PromptPage(self._listed(found), piece[-1] if len(piece) == length else None)

    def _matching(
        self, places: list[PromptPosition], query: PromptListQuery
    ) -> list[PromptPosition]:
        span = Span(query.since, query.until)
        if not span.is_endless:
            places = [place for place in places if span.holds(place.created_at)]
        if query.status is None and query.text is None:
            return places
        asked = {"status": column_text(query.status), "pattern": like_pattern(query.text)}
        ids = json.dumps([place.prompt_id for place in places])
        found = {prompt_id for (prompt_id,) in self._rows("matching", ids=ids, **asked)}
        return [place for place in places if place.prompt_id in found]

    def _full(self, found: list[PromptPosition], query: PromptListQuery) -> PromptPage:
        return PromptPage(self._listed(found[: query.limit]), found[query.limit - 1])

    def plain(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> tuple[PlainPrompt, ...]:
        """Rows of any type as they are, newest first."""
        types = [column_text(each) or "" for each in prompt_types]
        order = ScannedOrder(self._connection, types, Span())
        found: list[PlainPrompt] = []
        for piece in pieces(order, None, limit if status is None else max(limit, _LONG_PIECE)):
            ids = [place.prompt_id for place in piece]
            rows = self._by_id("plain", ids, {"status": column_text(status)})
            found += [_plain_prompt(rows[each]) for each in ids if each in rows]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    def waiting(self, kind: Kind, limit: int) -> tuple[WaitingPrompt, ...]:
        """Pending prompts that have their writing, oldest first."""
        rows = self._waiting_rows(kind, limit)
        last = self._renders.last_of([row[0] for row in rows])
        found = []
        for prompt_id, text, created_at, writing_id, content in rows:
            render = last.get(prompt_id, _NOTHING)
            code = render.failure_code if render.goes_on else None
            writing = Writing(writing_id, content)
            words, at = column_text(text) or "", iso_moment(created_at)
            found.append(WaitingPrompt(prompt_id, kind, words, at, writing, render.retry_at, code))
        return tuple(found)

    def failed(self, limit: int) -> tuple[FailedPrompt, ...]:
        """Prompts that ended in error, the last one first."""
        name = "failed_last" if has_bookkeeping(self._connection) else "failed_ids"
        ids = [prompt_id for (prompt_id,) in self._rows(name, limit=limit)]
        rows = self._by_id("listed", ids, {})
        last = self._renders.last_of(ids)
        return tuple(_failed(rows[each], last.get(each, _NOTHING)) for each in ids if each in rows)

    def _waiting_rows(self, kind: Kind, limit: int) -> list[_Row]:
        template = self._sql["waiting"]
        hint = index_hint(self._connection, kind)
        try:
            statement = template.format(index=hint, prompt_type=kind.prompt_type)
            return self._connection.rows(statement, {"limit": limit})
        except IndexLostError:
            statement = template.format(index="", prompt_type=kind.prompt_type)
            return self._connection.rows(statement, {"limit": limit})

    def _listed(self, found: list[PromptPosition]) -> tuple[ListedPrompt, ...]:
        ids = [place.prompt_id for place in found]
        rows = self._by_id("listed", ids, {})
        last = self._renders.last_of(ids)
        counts: dict[int, int] = dict(self._rows("artifact_counts", ids=json.dumps(ids)))
        return tuple(
            _listed(rows[each], last.get(each, _NOTHING), counts.get(each, 0))
            for each in ids
            if each in rows
        )

    def _by_id(self, name: str, ids: list[int], asked: dict[str, str | None]) -> dict[int, _Row]:
        return {row[0]: row for row in self._rows(name, ids=json.dumps(ids), **asked)}

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
        iso_moment(created_at),
        column_text(error),
        last.failure_code,
        None if writing[0] is None else Writing(*writing),
        count,
    )


def _failed(row: _Row, last: LastRender) -> FailedPrompt:
    prompt_id, prompt_type, text, _, _, created_at, error, *_ = row
    why = (last.failure_code, last.failure_message, last.finished_at)
    return FailedPrompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        iso_moment(created_at),
        column_text(error),
        *(why if last.failure_code else (None, None, None)),
        last.attempt,
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
        iso_moment(created_at),
        column_text(error),
    )
