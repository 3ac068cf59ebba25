"""What renders came to, over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time in which renders ended.

    Attributes:
        start: ISO 8601 in UTC; a multiple of the bucket's length since 1970.
        published: how many renders gave files, by kind; kinds without any are left out.
        failed: how many failed, those that are tried again among them, lost their worker, or
            were given back because of the environment. What people stopped does not count.
        seconds_median: how long a published one took; None when none was published.
    """

    start: str
    published: Mapping[Kind, int] = field(hash=False)
    failed: int
    seconds_median: float | None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many of the renders that count as failed did so for one reason."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """What renders came to.

    Attributes:
        buckets: oldest first; those in which nothing was published and nothing failed are left
            out.
        failures: the most frequent first, then by code.
    """

    buckets: tuple[Bucket, ...] = ()
    failures: tuple[FailureCount, ...] = ()
