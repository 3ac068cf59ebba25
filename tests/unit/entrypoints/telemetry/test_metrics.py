"""Metrics computed from events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from application.ports.events import RenderStarted
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.telemetry.metrics import OUTCOMES, ServerMetrics
from tests.fakes.system import ManualClock
from tests.render_events import failed, published
from tests.unit.entrypoints.telemetry.sample_events import CANARY, SERVER, every_event
from tests.unit.entrypoints.telemetry.scrapes import render_metrics, scraped

ONE, OTHER = "http://one:8188", "http://other:8188"


def test_every_outcome_is_counted_once() -> None:
    """By kind and outcome."""
    metrics, registry = render_metrics()
    for event in every_event():
        metrics.handle(event)
    scrape = scraped(registry)
    counted = {
        (kind.value, outcome): scrape.of("mediagen_prompts_total", kind=kind.value, outcome=outcome)
        for kind in Kind
        for outcome in OUTCOMES
    }
    assert {key: value for key, value in counted.items() if value} == {
        ("image", "published"): 1,
        ("audio", "failed"): 2,  # one of them belongs to a prompt whose workers crashed
        ("image", "released"): 1,
        ("audio", "postponed"): 1,
        ("image", "superseded"): 1,
        ("audio", "abandoned"): 1,
    }
    assert scrape.of("mediagen_failures_total", code="workflow_failed") == 4
    assert scrape.of("mediagen_retries_total", kind="audio") == 1
    assert scrape.of("mediagen_retries_total", kind="image") == 0
    assert scrape.of("mediagen_lease_losses_total") == 2
    assert scrape.of("mediagen_worker_troubles_total") == 1
    assert scrape.of("mediagen_server_set_asides_total", server=SERVER) == 1
    assert scrape.of("mediagen_server_up", server=SERVER) == 1  # it recovered


def test_counters_are_there_before_anything_happens() -> None:
    """Otherwise the first failure of a type would not be an increase."""
    _, registry = render_metrics()
    scrape = scraped(registry)
    for code in FailureCode:
        assert scrape.of("mediagen_failures_total", code=code.value) == 0
    assert scrape.of("mediagen_render_seconds_count", kind="image", workflow="flux.py") == 0


def test_render_times_are_labelled_with_the_workflow() -> None:
    """Renders of 2 and 400 seconds are in the right buckets."""
    metrics, registry = render_metrics()
    for render, seconds in ((1, 2.0), (2, 400.0)):
        metrics.handle(RenderStarted(render, render, Kind.AUDIO))
        metrics.handle(published(render, render, Kind.AUDIO, ("a",), seconds))
    scrape = scraped(registry)
    labels = {"kind": "audio", "workflow": "ace.py"}
    assert scrape.of("mediagen_render_seconds_sum", **labels) == 402
    bounds = {"1.0": 0, "2.5": 1, "300.0": 1, "600.0": 2, "1800.0": 2, "+Inf": 2}
    for bound, expected in bounds.items():
        assert scrape.of("mediagen_render_seconds_bucket", le=bound, **labels) == expected
    metrics.workflows = {(Kind.AUDIO, ""): "other.py"}
    metrics.handle(RenderStarted(3, 3, Kind.AUDIO))
    metrics.handle(published(3, 3, Kind.AUDIO, ("a",), 1.0))
    count = scraped(registry).of("mediagen_render_seconds_count", kind="audio", workflow="other.py")
    assert count == 1


def test_an_adopted_render_has_no_render_time() -> None:
    """Publishing another worker's finished folder takes no time, but is no render of 0 seconds."""
    metrics, registry = render_metrics()
    metrics.handle(published(1, 1, Kind.IMAGE, ("a",), 0.0))
    scrape = scraped(registry)
    assert scrape.of("mediagen_render_seconds_count", kind="image", workflow="flux.py") == 0
    assert scrape.of("mediagen_prompts_total", kind="image", outcome="published") == 1


def test_running_renders_are_counted() -> None:
    """By kind; a repeated outcome does no harm."""
    metrics, registry = render_metrics()
    for render in (1, 2):
        metrics.handle(RenderStarted(render, render, Kind.IMAGE))
    ended = failed(1, 1, Kind.IMAGE, Failure(FailureCode.STALLED, "x"), 1.0)
    assert scraped(registry).of("mediagen_renders_running", kind="image") == 2
    metrics.handle(ended)
    metrics.handle(ended)
    scrape = scraped(registry)
    assert scrape.of("mediagen_renders_running", kind="image") == 1
    assert scrape.of("mediagen_renders_running", kind="audio") == 0


def test_a_render_without_an_outcome_event_is_forgotten() -> None:
    """The queue is right about it; but a render started after the query is kept."""
    clock = ManualClock()
    metrics, registry = render_metrics(clock)
    metrics.handle(RenderStarted(1, 1, Kind.IMAGE))
    metrics.handle(RenderStarted(2, 2, Kind.IMAGE))
    clock.advance(5)
    as_of = clock.monotonic()
    metrics.handle(RenderStarted(3, 3, Kind.AUDIO))
    metrics.reconcile({2}, as_of)
    scrape = scraped(registry)
    assert scrape.of("mediagen_renders_running", kind="image") == 1
    assert scrape.of("mediagen_renders_running", kind="audio") == 1


def test_the_main_loop_is_asked_at_each_scrape() -> None:
    """Up means that the loop runs, not just that the process exists."""
    alive, dropped = [True], [0]
    _, registry = render_metrics(is_alive=lambda: alive[0], dropped_lines=lambda: dropped[0])
    assert scraped(registry).of("mediagen_up") == 1
    alive[0], dropped[0] = False, 7
    scrape = scraped(registry)
    assert (scrape.of("mediagen_up"), scrape.of("mediagen_log_dropped_lines")) == (0, 7)


def test_eight_threads_lose_no_count() -> None:
    """The slots' threads all count."""
    metrics, registry = render_metrics()

    def notice_all(thread: int) -> None:
        for number in range(200):
            render = thread * 1000 + number
            metrics.handle(RenderStarted(render, render, Kind.IMAGE))
            metrics.handle(published(render, render, Kind.IMAGE, ("a",), 1.0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(notice_all, range(8)))
    scrape = scraped(registry)
    assert scrape.of("mediagen_prompts_total", kind="image", outcome="published") == 1600
    assert scrape.of("mediagen_render_seconds_count", kind="image", workflow="flux.py") == 1600
    assert scrape.of("mediagen_renders_running", kind="image") == 0


def test_metrics_hold_no_private_text_and_do_not_grow() -> None:
    """No text and no id of a prompt is a label: a thousand prompts add no series."""
    metrics, registry = render_metrics()
    before = set(scraped(registry))
    for _ in range(100):
        for code in FailureCode:
            for event in every_event(code):
                metrics.handle(event)
    assert set(scraped(registry)) == before
    assert CANARY not in generate_latest(registry).decode()


def test_registries_are_separate() -> None:
    """Two daemons in one process, as in tests, count separately."""
    render_metrics()
    render_metrics()
    assert "mediagen" not in generate_latest(REGISTRY).decode()


def test_a_server_is_down_while_it_is_unhealthy() -> None:
    """The number of times is counted; other servers are not affected."""
    registry = CollectorRegistry()
    metrics = ServerMetrics(registry)
    metrics.replace([ONE, OTHER])
    told = []
    for healthy in (False, True, False):
        metrics.mark(ONE, healthy=healthy)
        told.append(scraped(registry).of("mediagen_server_up", server=ONE))
    metrics.count_job(ONE, were_loaded=False)
    scrape = scraped(registry)
    assert told == [0, 1, 0]
    assert scrape.of("mediagen_server_jobs_total", server=ONE, models="switched") == 1
    assert scrape.of("mediagen_server_jobs_total", server=ONE, models="loaded") == 0
    assert scrape.of("mediagen_server_set_asides_total", server=ONE) == 2
    assert scrape.of("mediagen_server_set_asides_total", server=OTHER) == 0
    assert scrape.of("mediagen_server_up", server=OTHER) == 1


def test_there_are_no_more_series_than_servers_in_the_settings() -> None:
    """Servers of older settings are removed, even if one of their jobs still sends events."""
    registry = CollectorRegistry()
    metrics = ServerMetrics(registry)
    metrics.replace([ONE, OTHER])
    metrics.mark(OTHER, healthy=False)
    metrics.replace([OTHER])
    metrics.mark(ONE, healthy=False)
    metrics.mark(ONE, healthy=True)
    metrics.count_job(ONE, were_loaded=True)
    scrape = scraped(registry)
    assert {dict(labels)["server"] for _, labels in scrape} == {OTHER}
    assert scrape.of("mediagen_server_up", server=OTHER) == 1
    assert scrape.of("mediagen_server_set_asides_total", server=OTHER) == 1
