"""Which pending prompt comes first, in SQL and in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.sqlite.shape import columns_of
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.sqlite.connection import Connection


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """An order of ``prompts AS p``, and our indexes that stand in it.

    Attributes:
        urgency: what is compared first, the greatest first; NULL where nothing is.
        terms: of ORDER BY.
        indexes: names of the partial indexes, one for each kind.
    """

    urgency: str
    terms: str
    indexes: Mapping[Kind, str]


OLDEST: Final = ClaimOrder(
    "NULL",
    "p.created_at, p.id",
    {
        Kind.IMAGE: "media_generator_pending_image",
        Kind.AUDIO: "media_generator_pending_audio",
    },
)
# The words of the indexes, or SQLite could not use them. 5 is the column's default.
MOST_URGENT: Final = ClaimOrder(
    "coalesce(p.priority, 5)",
    "coalesce(p.priority, 5) DESC, p.created_at, p.id",
    {
        Kind.IMAGE: "media_generator_urgent_image",
        Kind.AUDIO: "media_generator_urgent_audio",
    },
)

Candidate = tuple[Kind, tuple[Any, ...]]
"""A kind, and the first row of it: id, reference, writing's id, content, creation, urgency."""


def claim_order(connection: Connection, *, by_priority: bool) -> ClaimOrder:
    """The order that is wanted, as far as the table has what it takes."""
    return MOST_URGENT if by_priority and has_priority(connection) else OLDEST


def has_priority(connection: Connection) -> bool:
    """Whether prompts have a priority in this database."""
    return "priority" in columns_of(connection, "prompts")


def foremost(candidates: Iterable[Candidate]) -> Candidate:
    """The first of the first prompts of each kind, as SQLite itself would order them."""
    by_age = sorted(candidates, key=lambda candidate: _age(candidate[1]))
    return max(by_age, key=lambda candidate: rank(candidate[1][5]))


def _age(row: tuple[Any, ...]) -> tuple[tuple[int, Any], int]:
    return rank(row[4]), row[0]


def rank(value: object) -> tuple[int, Any]:
    """A key that sorts values as SQLite does: nothing, numbers, text, bytes."""
    if value is None:
        return 0, 0
    if isinstance(value, str):
        return 2, value.encode("utf-8", "surrogateescape")
    return (3 if isinstance(value, bytes) else 1), value
