"""Which kinds can be rendered here, asked for when it is scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from domain.kind import Kind

    Kinds = Callable[[], Mapping[Kind, str]]


class KindMetrics(Collector):
    """Says of each kind that is rendered here whether something for it is missing.

    Args:
        registry: where it registers itself.
        kinds: that are rendered here, each with the code of what is missing, or "".
    """

    def __init__(self, registry: CollectorRegistry, kinds: Kinds) -> None:
        self._kinds = kinds
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """One number for each kind."""
        broken = GaugeMetricFamily(
            "mediagen_kind_broken",
            "1 while nothing of the kind can be rendered here.",
            labels=("kind",),
        )
        for kind, code in self._kinds().items():
            broken.add_metric((kind.value,), float(bool(code)))
        yield broken
