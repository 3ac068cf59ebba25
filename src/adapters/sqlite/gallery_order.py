"""The list of all prompts, newest first, walked through piece by piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from adapters.sqlite.bookkeeping import listed_hint
from adapters.sqlite.claim_order import rank
from adapters.sqlite.column_text import column_text
from adapters.sqlite.statements import statements
from application.ports.gallery_prompts import PromptPosition
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from adapters.sqlite.connection import Connection
    from domain.span import Span

_LONGEST_PIECE: Final = 2_000
_BEYOND: Final = (1 << 63) - 1  # no prompt has a greater id


class PromptOrder(Protocol):
    """Places of prompts in the order of ``created_at`` and id, the greatest first."""

    def piece(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next so many places; fewer at the end.

        Rows whose text is only near the span that is wanted are among them.
        """
        ...


def pieces(
    order: PromptOrder, after: PromptPosition | None, length: int
) -> Iterator[list[PromptPosition]]:
    """All places, piece by piece; the first is of that length, later ones may be longer."""
    while True:
        piece = order.piece(after, length)
        yield piece
        if len(piece) < length:
            return
        after = piece[-1]
        length = max(length, min(4 * length, _LONGEST_PIECE))


class IndexedOrder:
    """Takes places from our indexes on ``prompts``, which have them in this order.

    Args:
        connection: to the database.
        kinds: of the prompts.
        span: when they were asked for.
    """

    def __init__(self, connection: Connection, kinds: Collection[Kind], span: Span) -> None:
        self._connection = connection
        self._span = span
        self._hints = {kind: listed_hint(connection, kind) for kind in kinds}
        self._template = statements("gallery_prompts")["places"]

    @property
    def is_there(self) -> bool:
        """Whether there are such indexes; without them it must not be asked."""
        return all(self._hints.values())

    def piece(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next so many places.

        Raises:
            IndexLostError: somebody dropped an index.
        """
        found = [place for kind in self._hints for place in self._of_kind(kind, after, length)]
        found.sort(key=lambda place: (rank(place.created_at), place.prompt_id), reverse=True)
        return found[:length]

    def _of_kind(
        self, kind: Kind, after: PromptPosition | None, length: int
    ) -> list[PromptPosition]:
        found = self._segment(kind, after, length)
        if len(found) < length and after is not None and after.created_at is not None:
            # Nothing is less than NULL, and yet NULL comes last.
            undated = PromptPosition(None, _BEYOND)
            found += self._segment(kind, undated, length - len(found))
        return found

    def _segment(
        self, kind: Kind, after: PromptPosition | None, length: int
    ) -> list[PromptPosition]:
        values: dict[str, object] = {"limit": length}
        place = _after(after, values) if after else "1"
        statement = self._template.format(
            index=self._hints[kind],
            prompt_type=kind.prompt_type,
            after=place,
            dated=_dated(self._span, values),
        )
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


class ScannedOrder:
    """Looks at every row for each piece.

    Args:
        connection: to the database.
        prompt_types: of the prompts; empty for all.
        span: when they were asked for.
        status: their artifact status; None for all.
    """

    def __init__(
        self,
        connection: Connection,
        prompt_types: Collection[str],
        span: Span,
        status: str | None = None,
    ) -> None:
        self._connection = connection
        self._types = tuple(prompt_types)
        self._span = span
        self._status = column_text(status)
        self._template = statements("gallery_prompts")["scan"]

    def piece(self, after: PromptPosition | None, length: int) -> list[PromptPosition]:
        """The next so many places."""
        values: dict[str, object] = {
            "types": json.dumps(self._types),
            "status": self._status,
            "limit": length,
        }
        place = _after(after, values) if after else "1"
        if after is not None and after.created_at is not None:
            place = f"({place} OR p.created_at IS NULL)"
        statement = self._template.format(
            of_type=_of_type(self._types), after=place, dated=_dated(self._span, values)
        )
        return [PromptPosition(*row) for row in self._connection.rows(statement, values)]


def _after(after: PromptPosition, values: dict[str, object]) -> str:
    """The condition that a row comes after a place; its values are put beside the others."""
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


def _dated(span: Span, values: dict[str, object]) -> str:
    bounds = ["1"]
    if span.since is not None:
        values["oldest"] = span.oldest
        bounds.append("p.created_at >= :oldest")
    if span.until is not None:
        values["newest"] = span.newest
        bounds.append("p.created_at < :newest")
    return " AND ".join(bounds)
