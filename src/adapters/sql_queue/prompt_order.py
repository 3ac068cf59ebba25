"""Prompts newest first: along our indexes where they exist, or by reading every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from adapters.sql_queue.bookkeeping import (
    listed_hint,
    shown_statuses,
    sort_key,
    state_hint,
    status_term,
)
from adapters.sql_queue.statements import column_text
from application.ports.gallery import PromptPosition
from domain.artifact_status import ArtifactStatus
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from adapters.sql_queue.connection import Connection
    from domain.timestamps import TimeRange

MAX_ROWS: Final = 5_000
"""Positions that one page reads at most; each costs about 5 µs, 10 with its text."""

MAX_PIECE: Final = 2_000
"""Positions that are read at once at most, but for the first piece."""

_MAX_ID: Final = (1 << 63) - 1
_MAX_STATUSES: Final = 50  # of other programs; with more, reading every row is faster


class PromptOrder(Protocol):
    """Positions of prompts in the order of ``created_at`` and id, the greatest first.

    Attributes:
        min_piece: number of positions that are worth reading at once if some are filtered out.
    """

    min_piece: int

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
        length = max(length, min(4 * length, MAX_PIECE))


class _Source(NamedTuple):
    """A part of an index that has the order of ``created_at`` and id.

    Attributes:
        template: the statement, with places for ``after`` and ``dated``.
        values: what it is given.
    """

    template: str
    values: dict[str, object]


class IndexedOrder:
    """Merges parts of our indexes on ``prompts``, each of which has this order.

    Args:
        connection: to the database.
        sources: the parts.
        time_range: of their ``created_at``.
    """

    min_piece = 200

    def __init__(
        self, connection: Connection, sources: Collection[_Source], time_range: TimeRange
    ) -> None:
        self._connection = connection
        self._sources = sources
        self._time_range = time_range

    def next_positions(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next ``length`` positions."""
        positions: list[PromptPosition] = []
        for source in self._sources:
            last = positions[-1] if len(positions) == length else None
            positions += self._of_source(source, after, last, length)
            positions.sort(key=_place, reverse=True)
            del positions[length:]
        return positions

    def _of_source(
        self,
        source: _Source,
        after: PromptPosition | None,
        last: PromptPosition | None,
        length: int,
    ) -> list[PromptPosition]:
        """The first positions of a part; ``last`` is one before which others fill the piece."""
        positions = self._segment(source, after, last, length)
        is_short = len(positions) < length and (last is None or last.created_at is None)
        if is_short and after is not None and after.created_at is not None:
            # Nothing is less than NULL, and yet NULL comes last.
            undated = PromptPosition(None, _MAX_ID)
            positions += self._segment(source, undated, None, length - len(positions))
        return positions

    def _segment(
        self,
        source: _Source,
        after: PromptPosition | None,
        last: PromptPosition | None,
        length: int,
    ) -> list[PromptPosition]:
        values: dict[str, object] = {**source.values, "limit": length}
        condition = _after(after, values) if after else "TRUE"
        dated = _dated(self._time_range, values)
        if last is not None and last.created_at is not None:
            dated += f" AND p.created_at >= {_date_term('last', last.created_at, values)}"
        statement = source.template.format(after=condition, dated=dated)
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


def _place(position: PromptPosition) -> tuple[tuple[int, object], int]:
    return sort_key(position.created_at), position.prompt_id


def prompt_order(
    connection: Connection,
    prompt_types: Collection[str],
    time_range: TimeRange,
    status: str | None = None,
) -> IndexedOrder | ScannedOrder:
    """The order by our indexes, or by reading every row if they are missing.

    Args:
        connection: to the database; inside ``reading``, so that no index is dropped and no prompt
            changes its part of an index between two statements.
        prompt_types: of the prompts; empty for all.
        time_range: of their ``created_at``.
        status: their artifact status as people see it; None for all.
    """
    kinds = [kind for name in prompt_types if (kind := Kind.of_prompt_type(name))]
    sources = [_sources(connection, kind, status) for kind in dict.fromkeys(kinds)]
    if not kinds or len(kinds) < len(prompt_types) or not all(sources):
        return ScannedOrder(connection, prompt_types, time_range, status)
    return IndexedOrder(connection, [part for parts in sources for part in parts], time_range)


def _sources(connection: Connection, kind: Kind, status: str | None) -> list[_Source]:
    """The parts of our indexes with the prompts of a kind; none if they would not help."""
    if status is None and (by_age := listed_hint(connection, kind)):
        return [_Source(_template(connection, "places_by_age", by_age, kind), {})]
    by_state = state_hint(connection, kind)
    if not by_state:
        return []
    statuses = (
        [status]
        if status is not None
        else shown_statuses(connection, kind, by_state, _MAX_STATUSES + 1)
    )
    if len(statuses) > _MAX_STATUSES:
        return []
    # Most prompts are ready: what is read of them first bounds what is read of the others.
    statuses.sort(key=lambda shown: shown != ArtifactStatus.READY)
    sources = []
    for shown in statuses:
        term, values = status_term(shown)
        template = _template(connection, "places_by_state", by_state, kind, status=term)
        sources += [_Source(template, values | {"is_completed": value}) for value in (1, 0)]
    return sources


def _template(connection: Connection, name: str, index: str, kind: Kind, **terms: str) -> str:
    """A statement for one kind that keeps its places for ``after`` and ``dated``."""
    places = {"after": "{after}", "dated": "{dated}"}
    return connection.statements("prompt_order")[name].format(
        index=index, prompt_type=kind.prompt_type, **terms, **places
    )


class ScannedOrder:
    """Reads every row for each piece.

    Args:
        connection: to the database.
        prompt_types: of the prompts; empty for all.
        time_range: of their ``created_at``.
        status: their artifact status as people see it; None for all.
    """

    min_piece = MAX_ROWS

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
        self._template = connection.statements("prompt_order")["scan"]

    def next_positions(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next ``length`` positions."""
        values: dict[str, object] = {"status": self._status, "limit": length}
        condition = _after(after, values) if after else "TRUE"
        if after is not None and after.created_at is not None:
            condition = f"({condition} OR p.created_at IS NULL)"
        of_type, dated = _of_type(self._types, values), _dated(self._time_range, values)
        statement = self._template.format(of_type=of_type, after=condition, dated=dated)
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


def _after(after: PromptPosition, values: dict[str, object]) -> str:
    """The SQL condition that a row comes after a position; adds its values to the others."""
    values["prompt_id"] = after.prompt_id
    if after.created_at is None:
        return "p.created_at IS NULL AND p.id < :prompt_id"
    date = _date_term("created_at", after.created_at, values)
    return f"(p.created_at, p.id) < ({date}, :prompt_id)"


def _date_term(name: str, date: object, values: dict[str, object]) -> str:
    """A value of ``created_at`` as a term of SQL; adds it to the others."""
    values[name] = date
    if not isinstance(date, str) or date.isascii():
        return f":{name}"
    # The driver refuses text that is no UTF-8, and a column of SQLite may hold such.
    values[name] = date.encode("utf-8", "surrogateescape")
    return f"CAST(:{name} AS TEXT)"


def _of_type(prompt_types: tuple[str, ...], values: dict[str, object]) -> str:
    if not prompt_types:
        return "TRUE"
    if all(map(Kind.of_prompt_type, prompt_types)):  # words are faster than a list
        return f"p.prompt_type IN ({', '.join(map(repr, prompt_types))})"
    named = {f"type_{number}": name for number, name in enumerate(prompt_types)}
    values.update(named)
    return f"p.prompt_type IN ({', '.join(f':{name}' for name in named)})"


def _dated(time_range: TimeRange, values: dict[str, object]) -> str:
    bounds = ["TRUE"]
    if time_range.since is not None:
        values["oldest"] = time_range.oldest
        bounds.append("p.created_at >= :oldest")
    if time_range.until is not None:
        values["newest"] = time_range.newest
        bounds.append("p.created_at < :newest")
    return " AND ".join(bounds)
