"""Prometheus metrics of renders and render servers, counted from events.

Labels take few values: kinds, outcomes, failure codes, the two workflows and the servers of the
settings; never a prompt.
"""

from __future__ import annotations

import platform
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from application.ports.events import (
    EVENTS,
    KindRecovered,
    KindUnavailable,
    RenderEnded,
    RenderStarted,
    ServerModels,
    ServerRecovered,
    ServerUnhealthy,
)
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from application.ports.events import Event
    from domain.workflow_rules import WorkflowKey

OUTCOMES: Final = ("published", "failed", "postponed", "released", "superseded", "abandoned")
_MODELS: Final = ("switched", "loaded")  # of a job: by whether its server had them loaded
BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800)
"""Upper bounds of the histogram's buckets in seconds: from the sketch to a long song."""


class RenderMetrics:
    """Counts events, from any thread; neither waits nor raises.

    Attributes:
        servers: metrics of the render servers.

    Args:
        registry: where the metrics are registered; nothing of them is global.
        workflows: these names at first.
        monotonic: the monotonic clock, in seconds.
        is_alive: whether the daemon's main loop is running.
        dropped_lines: number of log lines lost so far.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        workflows: Mapping[WorkflowKey, str],
        monotonic: Callable[[], float],
        is_alive: Callable[[], bool],
        dropped_lines: Callable[[], int],
    ) -> None:
        self._lock = Lock()
        self._held = Gauge(
            "mediagen_workflow_held",
            "1 while a named workflow cannot run here and holds back its prompts, otherwise 0.",
            ("kind", "workflow"),
            registry=registry,
        )
        self._workflows: Mapping[WorkflowKey, str] = {}
        self.workflows = workflows
        self.servers = ServerMetrics(registry)
        self._monotonic = monotonic
        self._running: dict[int, tuple[Kind, float]] = {}
        counter, ended = partial(Counter, registry=registry), EVENTS[RenderEnded]
        self._prompts = counter(ended.metric, ended.description, ("kind", "outcome"))
        self._failures = counter("mediagen_failures", "Failures, by code.", ("code",))
        self._retries = counter(
            "mediagen_retries", "Failed renders after which a retry was scheduled.", ("kind",)
        )
        self._lease_losses = counter(
            "mediagen_lease_losses", "Renders that were taken over from a lost worker."
        )
        self._seconds = Histogram(
            "mediagen_render_seconds",
            "Seconds from claim to publication, for renders made and published here.",
            ("kind", "workflow"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._plain = {
            event: counter(row.metric, row.description)
            for event, row in EVENTS.items()
            if row.metric and event not in {RenderEnded, ServerModels, ServerUnhealthy}
        }
        gauge = partial(Gauge, registry=registry)
        up = gauge("mediagen_up", "1 while the daemon's main loop is running.")
        up.set_function(lambda: float(is_alive()))
        dropped = gauge("mediagen_log_dropped_lines", "Log lines lost so far.")
        dropped.set_function(lambda: float(dropped_lines()))
        renders = gauge(
            "mediagen_renders_running", "Prompts that are being rendered here.", ("kind",)
        )
        build = Info("mediagen_build", "Versions of Media Generator and Python.", registry=registry)
        build.info({"version": VERSION, "python": platform.python_version()})
        # A counter that appears with its first event hides that event from increase().
        for kind in Kind:
            renders.labels(kind.value).set_function(partial(self.running, kind))
            self._retries.labels(kind.value)
            for outcome in OUTCOMES:
                self._prompts.labels(kind.value, outcome)
        for (kind, _), name in workflows.items():
            self._seconds.labels(kind.value, name)
        for code in FailureCode:
            self._failures.labels(code.value)

    @property
    def workflows(self) -> Mapping[WorkflowKey, str]:
        """What people call each workflow; may be replaced at any time."""
        return self._workflows

    @workflows.setter
    def workflows(self, workflows: Mapping[WorkflowKey, str]) -> None:
        names = {key for key in workflows if key[1]}
        with self._lock:
            for kind, name in {key for key in self._workflows if key[1]} - names:
                self._held.remove(kind.value, name)
            for kind, name in names:
                self._held.labels(kind.value, name).set(0)
            self._workflows = workflows

    def handle(self, event: Event) -> None:
        """Count an event; states are read when they are scraped."""
        match event:
            case RenderStarted():
                with self._lock:
                    self._running[event.render_id] = event.kind, self._monotonic()
            case RenderEnded():
                self._ended(event)
            case KindUnavailable() | KindRecovered() if event.workflow:
                self._hold(event)
            case ServerUnhealthy():
                self.servers.mark(event.server, healthy=False)
            case ServerRecovered():
                self.servers.mark(event.server, healthy=True)
            case ServerModels():
                self.servers.count_job(event.server, were_loaded=event.were_loaded)
            case _ if counter := self._plain.get(type(event)):
                counter.inc()
            case _:
                pass

    def running(self, kind: Kind) -> float:
        """Number of prompts of a kind that are being rendered here."""
        with self._lock:
            return float(sum(running is kind for running, _ in self._running.values()))

    def reconcile(self, live: Collection[int], as_of: float) -> None:
        """Forget renders whose end was never reported.

        Args:
            live: numbers of all renders that are live in the queue.
            as_of: time at which the queue was read, on the monotonic clock, in seconds; renders
                that started later are not in ``live``.
        """
        with self._lock:
            self._running = {
                render_id: (kind, started)
                for render_id, (kind, started) in self._running.items()
                if started >= as_of or render_id in live
            }

    def _hold(self, event: KindUnavailable | KindRecovered) -> None:
        with self._lock:
            if (event.kind, event.workflow) in self._workflows:  # older settings may name others
                held = self._held.labels(event.kind.value, event.workflow)
                held.set(float(isinstance(event, KindUnavailable)))

    def _ended(self, event: RenderEnded) -> None:
        with self._lock:
            rendered_here = self._running.pop(event.render_id, None) is not None
        self._prompts.labels(event.kind.value, _outcome_label(event)).inc()
        if event.failure:
            self._failures.labels(event.failure.code.value).inc()
        if event.is_postponed:
            self._retries.labels(event.kind.value).inc()
        if event.outcome is Outcome.ABANDONED:
            self._lease_losses.inc()
        if event.outcome is Outcome.PUBLISHED and rendered_here and event.seconds is not None:
            workflow = self.workflows.get((event.kind, event.workflow), "")
            self._seconds.labels(event.kind.value, workflow).observe(event.seconds)


class ServerMetrics:
    """Health of each render server in the settings. Safe from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        text = "1 while a ComfyUI server is healthy and gets jobs, otherwise 0."
        self._up = Gauge("mediagen_server_up", text, ("server",), registry=registry)
        unhealthy = EVENTS[ServerUnhealthy]
        self._times_unhealthy = Counter(
            unhealthy.metric, unhealthy.description, ("server",), registry=registry
        )
        jobs = EVENTS[ServerModels]
        self._jobs = Counter(jobs.metric, jobs.description, ("server", "models"), registry=registry)
        self._names: frozenset[str] = frozenset()
        self._lock = Lock()

    def replace(self, servers: Iterable[str]) -> None:
        """Follow the servers of other settings; each counts as healthy until it fails.

        The counts of a server that stays are kept; the series of others are removed.
        """
        names = frozenset(servers)
        with self._lock:
            for server in self._names - names:
                self._up.remove(server)
                self._times_unhealthy.remove(server)
                for models in _MODELS:
                    self._jobs.remove(server, models)
            for server in names:
                self._up.labels(server).set(1)
                self._times_unhealthy.labels(server)
                for models in _MODELS:
                    self._jobs.labels(server, models)
            self._names = names

    def mark(self, server: str, *, healthy: bool) -> None:
        """Record whether a server is healthy, and count each time that it is not."""
        with self._lock:
            if server in self._names:  # a job of older settings may still run on another one
                self._up.labels(server).set(float(healthy))
                self._times_unhealthy.labels(server).inc(float(not healthy))

    def count_job(self, server: str, *, were_loaded: bool) -> None:
        """Count a job, by whether its server had its models loaded."""
        with self._lock:
            if server in self._names:
                self._jobs.labels(server, _MODELS[were_loaded]).inc()


def _outcome_label(event: RenderEnded) -> str:
    """One of ``OUTCOMES``: what happened to the prompt."""
    if event.is_postponed:
        return "postponed"
    if event.outcome is Outcome.ABANDONED and event.failure:
        return Outcome.FAILED.value
    return Outcome.SUPERSEDED.value if event.outcome is Outcome.CANCELLED else event.outcome.value
