"""The queue's state, asked for when it is scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from application.ports.queue_controls import PausedBy
from domain.artifact_status import ArtifactStatus
from domain.kind import Kind
from entrypoints.cli.moments import seconds_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from application.ports.prompt_catalogue import QueueSummary
    from application.ports.queue_controls import Pause
    from entrypoints.observing.metrics import RenderMetrics
    from entrypoints.observing.queue_sight import QueueSight

STATUSES: Final = (
    "unwritten", "waiting", *(status.value for status in ArtifactStatus), "other"
)  # fmt: skip
"""Every prompt of ours is counted under exactly one. Other programs' words are "other"."""


class QueueMetrics(Collector):
    """Looks once for each scrape; a queue that cannot be seen has no numbers.

    Args:
        registry: where it registers itself.
        see: the queue, or None when it cannot be seen.
        renders: is told which renders are live.
        now: the wall clock, in UTC.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        see: Callable[[], QueueSight | None],
        renders: RenderMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._see = see
        self._renders = renders
        self._now = now
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing: to name the metrics must not take a look at the database."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Everything that can be seen of the queue."""
        sight = self._see()
        up = GaugeMetricFamily("mediagen_database_up", "1 when the database could be read.")
        up.add_metric((), float(sight is not None))
        yield up
        if sight is None:
            return
        live = {render.render_id for render in sight.summary.rendering}
        self._renders.reconcile(live, sight.as_of)
        yield _paused(sight.pause)
        yield _depth(sight.summary)
        yield self._ages(sight.summary)

    def _ages(self, summary: QueueSummary) -> Metric:
        ages = GaugeMetricFamily(
            "mediagen_oldest_pending_seconds",
            "Age of the oldest prompt that could be claimed; 0 when there is none.",
            labels=("kind",),
        )
        for kind in Kind:
            if kind not in summary.oldest_pending:
                ages.add_metric((kind.value,), 0.0)
                continue
            age = seconds_since(summary.oldest_pending[kind], self._now())
            if age is not None:  # a prompt without a date has no age
                ages.add_metric((kind.value,), max(age, 0.0))
        return ages


def _paused(pause: Pause | None) -> Metric:
    paused = GaugeMetricFamily(
        "mediagen_paused", "1 while nothing is claimed, by who paused the queue.", labels=("by",)
    )
    for by in PausedBy:
        paused.add_metric((by.value,), float(pause is not None and pause.by is by))
    return paused


def _depth(summary: QueueSummary) -> Metric:
    depth = GaugeMetricFamily(
        "mediagen_queue_depth", "Prompts, by status.", labels=("kind", "status")
    )
    for kind in Kind:
        counts = dict.fromkeys(STATUSES, 0)
        for status, count in summary.counts.get(kind, {}).items():
            counts[status if status in set(ArtifactStatus) else "other"] += count
        counts["unwritten"] = summary.unwritten.get(kind, 0)
        counts["waiting"] = summary.waiting.get(kind, 0)
        counts["pending"] = max(counts["pending"] - counts["waiting"], 0)
        for status, count in counts.items():
            depth.add_metric((kind.value, status), count)
    return depth
