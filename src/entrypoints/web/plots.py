"""The history of renders as bars for the page; lengths are in the units of a viewBox."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from entrypoints.web.system_api import Bucket, FailureCount

WIDTH: Final = 720.0
HEIGHT: Final = 220.0
_LEFT: Final = 40.0  # for the numbers of the scale
_BOTTOM: Final = 24.0  # for the times
_TOP: Final = 10.0
_RIGHT: Final = 8.0
_GAP: Final = 0.22  # of a bucket's width
_TICKS: Final = 4
_MAX_MARKS: Final = 6
STACK: Final = ("image", "audio", "failed")  # from the bottom up


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the plot.

    Attributes:
        sort: "image", "audio" or "failed".
        bucket: index of its bucket, from 0.
    """

    sort: str
    bucket: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A horizontal line of the plot, and the number of renders at its height."""

    y: float
    count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A time below the plot, in ISO 8601 and UTC."""

    x: float
    moment: str


@dataclass(frozen=True, slots=True)
class TimePlot:
    """Renders over time, as stacked bars.

    Attributes:
        columns: left edge of each bucket; all are as wide as ``column_width``.
        totals: number of renders in the plot, by sort.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    columns: tuple[float, ...]
    column_width: float
    totals: Mapping[str, int]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    floor: float = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class Share:
    """How frequent a failure is: ``length`` is 0 to 100, and 100 for the most frequent one."""

    code: str
    count: int
    length: float


def time_plot(buckets: Sequence[Bucket]) -> TimePlot:
    """The plot of a history's buckets."""
    counts = [_counts(bucket) for bucket in buckets]
    top = _round_top(max((sum(count.values()) for count in counts), default=0))
    column = (WIDTH - _LEFT - _RIGHT) / max(1, len(counts))
    unit = (HEIGHT - _TOP - _BOTTOM) / top
    columns = tuple(round(_LEFT + column * number, 2) for number in range(len(counts)))
    return TimePlot(
        bars=tuple(_bars(counts, columns, column, unit)),
        ticks=tuple(_ticks(top, unit)),
        marks=tuple(_marks(buckets, columns, column)),
        columns=columns,
        column_width=round(column, 2),
        totals={sort: sum(count[sort] for count in counts) for sort in STACK},
    )


def shares(failures: Sequence[FailureCount]) -> tuple[Share, ...]:
    """The bars of a history's failures, in the same order."""
    highest = max((failure.count for failure in failures), default=0)
    return tuple(
        Share(failure.code, failure.count, round(100 * failure.count / highest, 2))
        for failure in failures
    )


def _counts(bucket: Bucket) -> dict[str, int]:
    published = bucket.published
    return {"image": published.image, "audio": published.audio, "failed": bucket.failed}


def _bars(
    counts: Sequence[Mapping[str, int]], columns: Sequence[float], column: float, unit: float
) -> Iterator[Bar]:
    for number, (count, left) in enumerate(zip(counts, columns, strict=True)):
        base = HEIGHT - _BOTTOM
        for sort in STACK:
            if count[sort]:
                height = count[sort] * unit
                base -= height
                x = left + column * _GAP / 2
                sides = (round(value, 2) for value in (x, base, column * (1 - _GAP), height))
                yield Bar(sort, number, *sides)


def _ticks(top: int, unit: float) -> Iterator[Tick]:
    step = max(1, top // _TICKS)
    for count in range(0, top + 1, step):
        yield Tick(round(HEIGHT - _BOTTOM - count * unit, 2), count)


def _marks(buckets: Sequence[Bucket], columns: Sequence[float], column: float) -> Iterator[Mark]:
    step = max(1, ceil(len(columns) / _MAX_MARKS))
    for number in range(step // 2, len(columns), step):
        yield Mark(round(columns[number] + column / 2, 2), buckets[number].start)


def _round_top(count: int) -> int:
    """The smallest of 4, 8, 12, 20, 40, 80 ... that is at least ``count``; all divide into four."""
    if count <= _TICKS:
        return _TICKS
    size = int(10 ** floor(log10(count)))
    steps = (factor * part for part in (max(1, size // 10), size) for factor in (4, 8, 12, 20, 40))
    return min(step for step in steps if step >= count)
