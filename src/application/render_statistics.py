"""Statistics of ended renders, for plots."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Final

from application.ports.gallery import Bucket, FailureCount, History
from domain.failure import FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.prompt import Kind

_UNPUBLISHED: Final = frozenset({Outcome.FAILED, Outcome.ABANDONED, Outcome.RELEASED})
_REQUESTED: Final = frozenset({FailureCode.INTERRUPTED, FailureCode.CANCELLED})


@dataclass(frozen=True, slots=True)
class EndedRender:
    """The facts of an ended render that statistics need.

    Attributes:
        at: time at which it ended, in whole seconds since 1970 (UTC).
        kind: media kind.
        outcome: outcome as recorded in the queue.
        code: code of its failure, or None.
        seconds: from claim to outcome, or None if unknown.
    """

    at: int
    kind: Kind
    outcome: str
    code: str | None
    seconds: float | None

    @property
    def is_failure(self) -> bool:
        """Whether it published nothing, although no person stopped it."""
        return (
            self.outcome in _UNPUBLISHED and self.code is not None and self.code not in _REQUESTED
        )


@dataclass(slots=True)
class _Totals:
    published: Counter[Kind] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def summarize(renders: Iterable[EndedRender], bucket_seconds: int) -> History:
    """The history of renders.

    Args:
        renders: in any order.
        bucket_seconds: length of a bucket in seconds, at least 1.
    """
    totals: dict[int, _Totals] = defaultdict(_Totals)
    codes: Counter[str] = Counter()
    for render in renders:
        start = render.at // bucket_seconds * bucket_seconds
        if render.outcome == Outcome.PUBLISHED:
            totals[start].published[render.kind] += 1
            totals[start].seconds += [] if render.seconds is None else [render.seconds]
        elif render.is_failure:
            totals[start].failed += 1
            codes[render.code or ""] += 1
    by_frequency = sorted(codes.items(), key=lambda item: (-item[1], item[0]))
    return History(
        tuple(_bucket(start, totals[start]) for start in sorted(totals)),
        tuple(FailureCount(code, count) for code, count in by_frequency),
    )


def _bucket(start: int, totals: _Totals) -> Bucket:
    start_time = datetime.fromtimestamp(start, UTC).replace(tzinfo=None).isoformat()
    median_seconds = median(totals.seconds) if totals.seconds else None
    return Bucket(start_time, dict(totals.published), totals.failed, median_seconds)
