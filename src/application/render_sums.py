"""What many renders came to, summed up for a plot."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Final

from application.ports.gallery_history import Bucket, FailureCount, History
from domain.failure import FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.kind import Kind

_LOST: Final = frozenset({Outcome.FAILED, Outcome.ABANDONED, Outcome.RELEASED})
_WISHES: Final = frozenset({FailureCode.INTERRUPTED, FailureCode.CANCELLED})


@dataclass(frozen=True, slots=True)
class EndedRender:
    """What counts of a render that ended.

    Attributes:
        at: when it ended, in whole seconds since 1970.
        code: of its failure, or None.
        seconds: how long it took, or None.
    """

    at: int
    kind: Kind
    outcome: str
    code: str | None
    seconds: float | None

    @property
    def is_failure(self) -> bool:
        """Whether it gave nothing, and nobody wished so."""
        return self.outcome in _LOST and self.code is not None and self.code not in _WISHES


@dataclass(slots=True)
class _Sums:
    published: Counter[Kind] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def summed_up(renders: Iterable[EndedRender], bucket_seconds: int) -> History:
    """Their history, in buckets of that length (at least 1)."""
    sums: dict[int, _Sums] = defaultdict(_Sums)
    codes: Counter[str] = Counter()
    for render in renders:
        start = render.at // bucket_seconds * bucket_seconds
        if render.outcome == Outcome.PUBLISHED:
            sums[start].published[render.kind] += 1
            sums[start].seconds += [] if render.seconds is None else [render.seconds]
        elif render.is_failure:
            sums[start].failed += 1
            codes[render.code or ""] += 1
    by_frequency = sorted(codes.items(), key=lambda item: (-item[1], item[0]))
    return History(
        tuple(_bucket(start, sums[start]) for start in sorted(sums)),
        tuple(FailureCount(code, count) for code, count in by_frequency),
    )


def _bucket(start: int, sums: _Sums) -> Bucket:
    begins = datetime.fromtimestamp(start, UTC).replace(tzinfo=None).isoformat()
    middle = median(sums.seconds) if sums.seconds else None
    return Bucket(begins, dict(sums.published), sums.failed, middle)
