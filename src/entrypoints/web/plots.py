"""The history of renders as bars, for the page to draw; lengths are in the units of a viewBox."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH: Final = 720.0
HEIGHT: Final = 220.0
_LEFT: Final = 40.0  # for the numbers of the scale
_BOTTOM: Final = 24.0  # for the times
_TOP: Final = 10.0
_RIGHT: Final = 8.0
_GAP: Final = 0.22  # of a bucket's width
_TICKS: Final = 4
_MARKS: Final = 6
STACK: Final = ("image", "audio", "failed")  # from the bottom up


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle.

    Attributes:
        sort: "image", "audio" or "failed".
        bucket: number of its stretch of time, from 0.
    """

    sort: str
    bucket: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the plot and the number that it stands for."""

    y: float
    count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A time below the plot: ISO 8601 in UTC."""

    x: float
    moment: str


@dataclass(frozen=True, slots=True)
class TimePlot:
    """Renders over time, the sorts stacked upon one another.

    Attributes:
        columns: for each bucket its left edge; every one is as wide as ``column_width``.
        totals: of everything that is drawn, by sort.
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
    """One failure's part: ``length`` is 0 to 100, the most frequent one has 100."""

    code: str
    count: int
    length: float


def time_plot(buckets: Sequence[Mapping[str, Any]]) -> TimePlot:
    """The plot of a history's ``buckets``, as ``/api/v1/history`` gives them."""
    counts = [_counts(bucket) for bucket in buckets]
    top = _round_top(max((sum(each.values()) for each in counts), default=0))
    column = (WIDTH - _LEFT - _RIGHT) / max(1, len(counts))
    unit = (HEIGHT - _TOP - _BOTTOM) / top
    columns = tuple(round(_LEFT + column * number, 2) for number in range(len(counts)))
    return TimePlot(
        bars=tuple(_bars(counts, columns, column, unit)),
        ticks=tuple(_ticks(top, unit)),
        marks=tuple(_marks(buckets, columns, column)),
        columns=columns,
        column_width=round(column, 2),
        totals={sort: sum(each[sort] for each in counts) for sort in STACK},
    )


def shares(failures: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    """The bars of a history's ``failures``, in the order that they have."""
    most = max((int(each["count"]) for each in failures), default=0)
    return tuple(
        Share(str(each["code"]), int(each["count"]), round(100 * int(each["count"]) / most, 2))
        for each in failures
    )


def _counts(bucket: Mapping[str, Any]) -> dict[str, int]:
    published = bucket["published"]
    return {
        "image": int(published.get("image", 0)),
        "audio": int(published.get("audio", 0)),
        "failed": int(bucket["failed"]),
    }


def _bars(
    counts: Sequence[Mapping[str, int]], columns: Sequence[float], column: float, unit: float
) -> Iterator[Bar]:
    for number, (each, left) in enumerate(zip(counts, columns, strict=True)):
        base = HEIGHT - _BOTTOM
        for sort in STACK:
            if each[sort]:
                height = each[sort] * unit
                base -= height
                x = left + column * _GAP / 2
                sides = (round(value, 2) for value in (x, base, column * (1 - _GAP), height))
                yield Bar(sort, number, *sides)


def _ticks(top: int, unit: float) -> Iterator[Tick]:
    step = max(1, top // _TICKS)
    for count in range(0, top + 1, step):
        yield Tick(round(HEIGHT - _BOTTOM - count * unit, 2), count)


def _marks(
    buckets: Sequence[Mapping[str, Any]], columns: Sequence[float], column: float
) -> Iterator[Mark]:
    every = max(1, ceil(len(columns) / _MARKS))
    for number in range(every // 2, len(columns), every):
        yield Mark(round(columns[number] + column / 2, 2), str(buckets[number]["start"]))


def _round_top(most: int) -> int:
    """The least of 4, 8, 12, 20, 40, 80 ... that is no less: it divides well into four."""
    if most <= _TICKS:
        return _TICKS
    size = int(10 ** floor(log10(most)))
    steps = (factor * part for part in (max(1, size // 10), size) for factor in (4, 8, 12, 20, 40))
    return min(step for step in steps if step >= most)
