"""Prompts in SQLite, for the page: the list of all of them, what waits and what failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapters.sqlite.bookkeeping import bookkeeping_version, index_hint, listed_hint, sort_key
from adapters.sqlite.connection import MissingIndexError
from adapters.sqlite.gallery_renders import GalleryRenders, LastRender
from adapters.sqlite.statements import column_text, like_pattern, statements
from application.ports.gallery import (
    FailedPrompt,
    ListedPrompt,
    PlainPrompt,
    PromptPage,
    PromptPosition,
    WaitingPrompt,
)
from domain.prompt import Kind, Writing
from domain.timestamps import TimeRange, iso_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from adapters.sqlite.connection import Connection
    from application.ports.gallery import PromptListQuery

# Rows that one page reads by an index at most; each costs about 5 µs, 10 with its text.
_MAX_ROWS: Final = 5_000
_MAX_ROWS_BY_STATUS: Final = 3_000
_MIN_PIECE: Final = 200  # positions read at once, where some of them will be filtered out
_MAX_PIECE: Final = 2_000
_MAX_ID: Final = (1 << 63) - 1
_NO_RENDER: Final = LastRender()
_KINDS: Final = {kind.prompt_type: kind for kind in Kind}
_Row = tuple[Any, ...]


class GalleryPrompts:
    """Reads prompts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._renders = GalleryRenders(connection)
        self._sql = statements("gallery_prompts")

    def page(self, query: PromptListQuery) -> PromptPage:
        """Image and lyrics prompts, newest first."""
        time_range = TimeRange(query.since, query.until)
        order = IndexedOrder(
            self._connection, [query.kind] if query.kind else list(Kind), time_range
        )
        if order.is_usable:
            try:
                return self._by_index(query, order)
            except MissingIndexError:  # a program that rebuilds the table drops its indexes too
                pass
        return self._by_scan(query, query.after, [])

    def _by_index(self, query: PromptListQuery, order: IndexedOrder) -> PromptPage:
        is_filtered = (query.text, query.status, query.since, query.until) != (
            None,
            None,
            None,
            None,
        )
        by_status = query.status is not None and query.text is None
        max_rows = _MAX_ROWS_BY_STATUS if by_status else _MAX_ROWS
        positions: list[PromptPosition] = []
        read = 0
        for piece in pieces(order, query.after, _MIN_PIECE if is_filtered else query.limit + 1):
            positions += self._matching(piece, query)
            read += len(piece)
            if len(positions) > query.limit:
                return self._full(positions, query)
            if read >= max_rows:
                # Few prompts have this status: scanning the table is faster from here on.
                if by_status:
                    return self._by_scan(query, piece[-1], positions)
                return PromptPage(self._listed(positions), piece[-1])
        return PromptPage(self._listed(positions), None)

    def _by_scan(
        self, query: PromptListQuery, after: PromptPosition | None, positions: list[PromptPosition]
    ) -> PromptPage:
        types = [kind.prompt_type for kind in ([query.kind] if query.kind else Kind)]
        time_range = TimeRange(query.since, query.until)
        order = ScannedOrder(self._connection, types, time_range, query.status)
        is_filtered = query.text is not None or not time_range.is_unbounded
        length = _MAX_ROWS if is_filtered else query.limit + 1
        piece = order.next_positions(after, length)
        positions = positions + self._matching(piece, query)
        if len(positions) > query.limit:
            return self._full(positions, query)
        return PromptPage(self._listed(positions), piece[-1] if len(piece) == length else None)

    def _matching(
        self, positions: list[PromptPosition], query: PromptListQuery
    ) -> list[PromptPosition]:
        time_range = TimeRange(query.since, query.until)
        if not time_range.is_unbounded:
            positions = [
                position for position in positions if time_range.contains(position.created_at)
            ]
        if query.status is None and query.text is None:
            return positions
        filters = {"status": column_text(query.status), "pattern": like_pattern(query.text)}
        ids = json.dumps([position.prompt_id for position in positions])
        matching = {prompt_id for (prompt_id,) in self._rows("matching", ids=ids, **filters)}
        return [position for position in positions if position.prompt_id in matching]

    def _full(self, positions: list[PromptPosition], query: PromptListQuery) -> PromptPage:
        return PromptPage(self._listed(positions[: query.limit]), positions[query.limit - 1])

    def plain(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> tuple[PlainPrompt, ...]:
        """Rows of any type as they are, newest first."""
        types = [column_text(prompt_type) or "" for prompt_type in prompt_types]
        order = ScannedOrder(self._connection, types, TimeRange())
        prompts: list[PlainPrompt] = []
        for piece in pieces(order, None, limit if status is None else max(limit, _MAX_PIECE)):
            ids = [position.prompt_id for position in piece]
            rows = self._by_id("plain", ids, {"status": column_text(status)})
            prompts += [_plain_prompt(rows[number]) for number in ids if number in rows]
            if len(prompts) >= limit:
                break
        return tuple(prompts[:limit])

    def waiting(self, kind: Kind, limit: int) -> tuple[WaitingPrompt, ...]:
        """Pending prompts that have their writing, oldest first."""
        rows = self._waiting_rows(kind, limit)
        last = self._renders.last_of([row[0] for row in rows])
        prompts = []
        for prompt_id, text, created_at, writing_id, content in rows:
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

    def failed(self, limit: int, *, cancelled: bool = False) -> tuple[FailedPrompt, ...]:
        """Prompts that failed, or that a person cancelled, the last one first."""
        name = "failed_last" if bookkeeping_version(self._connection) else "failed_ids"
        ids = [prompt_id for (prompt_id,) in self._rows(name, limit=limit, cancelled=cancelled)]
        rows = self._by_id("listed", ids, {})
        last = self._renders.last_of(ids)
        return tuple(
            _failed(rows[number], last.get(number, _NO_RENDER)) for number in ids if number in rows
        )

    def _waiting_rows(self, kind: Kind, limit: int) -> list[_Row]:
        template = self._sql["waiting"]
        hint = index_hint(self._connection, kind)
        try:
            statement = template.format(index=hint, prompt_type=kind.prompt_type)
            return self._connection.rows(statement, {"limit": limit})
        except MissingIndexError:
            statement = template.format(index="", prompt_type=kind.prompt_type)
            return self._connection.rows(statement, {"limit": limit})

    def _listed(self, positions: list[PromptPosition]) -> tuple[ListedPrompt, ...]:
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
    prompt_id, prompt_type, text, _, _, created_at, error, *_ = row
    failure = (last.failure_code, last.failure_message, last.finished_at)
    return FailedPrompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        iso_timestamp(created_at),
        column_text(error) or None,
        *(failure if last.failure_code else (None, None, None)),
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
        iso_timestamp(created_at),
        column_text(error) or None,
    )


class PromptOrder(Protocol):
    """Positions of prompts in the order of ``created_at`` and id, the greatest first."""

    def next_positions(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next ``length`` positions; fewer at the end.

        Rows whose ``created_at`` is only near the requested time_range may be among them.
        """
        ...


def pieces(
    order: PromptOrder, after: PromptPosition | None, length: int
) -> Iterator[list[PromptPosition]]:
    """All positions, piece by piece; the first has this length, later ones may be longer."""
    while True:
        piece = order.next_positions(after, length)
        yield piece
        if len(piece) < length:
            return
        after = piece[-1]
        length = max(length, min(4 * length, _MAX_PIECE))


class IndexedOrder:
    """Reads positions from our indexes on ``prompts``, which have this order.

    Args:
        connection: to the database.
        kinds: of the prompts.
        time_range: of their ``created_at``.
    """

    def __init__(
        self, connection: Connection, kinds: Collection[Kind], time_range: TimeRange
    ) -> None:
        self._connection = connection
        self._time_range = time_range
        self._hints = {kind: listed_hint(connection, kind) for kind in kinds}
        self._template = statements("gallery_prompts")["places"]

    @property
    def is_usable(self) -> bool:
        """Whether the indexes exist; without them no piece can be read."""
        return all(self._hints.values())

    def next_positions(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next ``length`` positions.

        Raises:
            MissingIndexError: an index was dropped meanwhile.
        """
        positions = [
            position for kind in self._hints for position in self._of_kind(kind, after, length)
        ]
        positions.sort(
            key=lambda position: (sort_key(position.created_at), position.prompt_id), reverse=True
        )
        return positions[:length]

    def _of_kind(
        self, kind: Kind, after: PromptPosition | None, length: int
    ) -> list[PromptPosition]:
        positions = self._segment(kind, after, length)
        if len(positions) < length and after is not None and after.created_at is not None:
            # Nothing is less than NULL, and yet NULL comes last.
            undated = PromptPosition(None, _MAX_ID)
            positions += self._segment(kind, undated, length - len(positions))
        return positions

    def _segment(
        self, kind: Kind, after: PromptPosition | None, length: int
    ) -> list[PromptPosition]:
        values: dict[str, object] = {"limit": length}
        condition = _after(after, values) if after else "1"
        statement = self._template.format(
            index=self._hints[kind],
            prompt_type=kind.prompt_type,
            after=condition,
            dated=_dated(self._time_range, values),
        )
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


class ScannedOrder:
    """Reads every row for each piece.

    Args:
        connection: to the database.
        prompt_types: of the prompts; empty for all.
        time_range: of their ``created_at``.
        status: their artifact status; None for all.
    """

    def __init__(
        self,
        connection: Connection,
        prompt_types: Collection[str],
        time_range: TimeRange,
        status: str | None = None,
    ) -> None:
        self._connection = connection
        self._types = tuple(prompt_types)
        self._time_range = time_range
        self._status = column_text(status)
        self._template = statements("gallery_prompts")["scan"]

    def next_positions(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next ``length`` positions."""
        values: dict[str, object] = {
            "types": json.dumps(self._types),
            "status": self._status,
            "limit": length,
        }
        condition = _after(after, values) if after else "1"
        if after is not None and after.created_at is not None:
            condition = f"({condition} OR p.created_at IS NULL)"
        statement = self._template.format(
            of_type=_of_type(self._types), after=condition, dated=_dated(self._time_range, values)
        )
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


def _after(after: PromptPosition, values: dict[str, object]) -> str:
    """The SQL condition that a row comes after a position; adds its values to the others."""
    values["prompt_id"] = after.prompt_id
    if after.created_at is None:
        return "p.created_at IS NULL AND p.id < :prompt_id"
    if not isinstance(after.created_at, str):
        values["created_at"] = after.created_at
        return "(p.created_at, p.id) < (:created_at, :prompt_id)"
    # The driver refuses text that is no UTF-8, and a column may hold such.
    values["created_at"] = after.created_at.encode("utf-8", "surrogateescape")
    return "(p.created_at, p.id) < (CAST(:created_at AS TEXT), :prompt_id)"


def _of_type(prompt_types: tuple[str, ...]) -> str:
    if not prompt_types:
        return "1"
    if all(map(Kind.of_prompt_type, prompt_types)):  # words are faster than a list
        return f"p.prompt_type IN ({', '.join(map(repr, prompt_types))})"
    return "p.prompt_type IN (SELECT value FROM json_each(:types))"


def _dated(time_range: TimeRange, values: dict[str, object]) -> str:
    bounds = ["1"]
    if time_range.since is not None:
        values["oldest"] = time_range.oldest
        bounds.append("p.created_at >= :oldest")
    if time_range.until is not None:
        values["newest"] = time_range.newest
        bounds.append("p.created_at < :newest")
    return " AND ".join(bounds)
