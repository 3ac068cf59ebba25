"""Which servers are up, as Prometheus sees it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from entrypoints.observing.server_metrics import ServerMetrics
from tests.unit.entrypoints.observing.scrapes import scraped

ONE, OTHER = "http://one:8188", "http://other:8188"


def test_a_server_is_up_until_it_is_set_aside_and_again_when_it_returns() -> None:
    """Its set-asides add up; another server is not touched by them."""
    registry = CollectorRegistry()
    metrics = ServerMetrics(registry)
    metrics.follow([ONE, OTHER])
    told = []
    for tell in (metrics.set_aside, metrics.returned, metrics.set_aside):
        tell(ONE)
        told.append(scraped(registry).of("mediagen_server_up", server=ONE))
    scrape = scraped(registry)
    assert told == [0, 1, 0]
    assert scrape.of("mediagen_server_set_asides_total", server=ONE) == 2
    assert scrape.of("mediagen_server_set_asides_total", server=OTHER) == 0
    assert scrape.of("mediagen_server_up", server=OTHER) == 1


def test_there_are_no_more_series_than_servers_in_the_settings() -> None:
    """What older settings named is gone, also when a job of theirs still tells of it."""
    registry = CollectorRegistry()
    metrics = ServerMetrics(registry)
    metrics.follow([ONE, OTHER])
    metrics.set_aside(OTHER)
    metrics.follow([OTHER])
    metrics.set_aside(ONE)
    metrics.returned(ONE)
    scrape = scraped(registry)
    assert {labels for _, labels in scrape} == {frozenset({("server", OTHER)})}
    assert scrape.of("mediagen_server_up", server=OTHER) == 1
    assert scrape.of("mediagen_server_set_asides_total", server=OTHER) == 1
