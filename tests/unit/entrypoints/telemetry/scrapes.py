"""Reading metrics as Prometheus does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from domain.prompt import Kind
from entrypoints.telemetry.metrics import RenderMetrics
from tests.fakes.system import ManualClock
from tests.unit.entrypoints.telemetry.sample_events import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOWS = {(Kind.IMAGE, ""): "flux.py", (Kind.AUDIO, ""): "ace.py"}


class Scrape(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """Values by name and labels."""

    def of(self, name: str, **labels: str) -> float:
        return self[name, frozenset(labels.items())]

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self}


def parsed(text: str) -> Scrape:
    """The samples of a scrape."""
    return Scrape(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


def scraped(registry: CollectorRegistry) -> Scrape:
    """The current samples of a registry."""
    return parsed(generate_latest(registry).decode())


def render_metrics(
    clock: ManualClock | None = None,
    is_alive: Callable[[], bool] = lambda: True,
    dropped_lines: Callable[[], int] = lambda: 0,
) -> tuple[RenderMetrics, CollectorRegistry]:
    """The render metrics, and their registry."""
    registry, clock = CollectorRegistry(), clock or ManualClock()
    metrics = RenderMetrics(registry, WORKFLOWS, clock.monotonic, is_alive, dropped_lines)
    metrics.servers.replace([SERVER])
    return metrics, registry
