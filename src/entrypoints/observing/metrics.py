"""What the events add up to, in Prometheus' terms.

Labels take few values: kinds, outcomes, failure codes, the two workflows and the servers of the
settings; never a prompt.
"""

from __future__ import annotations

import platform
from functools import partial
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Final, assert_never

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from application.ports.events import (
    KindBroken,
    KindMended,
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    QueueResumed,
    RenderAbandoned,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
    ServerReturned,
    ServerSetAside,
    WorkerTroubled,
)
from domain.failure import FailureCode
from domain.kind import Kind
from entrypoints.observing.server_metrics import ServerMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from application.ports.events import Ended, Event
    from domain.failure import Failure

OUTCOMES: Final = ("published", "failed", "postponed", "released", "superseded", "abandoned")
SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800)
"""Upper bounds of the histogram's buckets: from the sketch to a long song."""


class RenderMetrics:
    """Counts events. Safe from any thread; neither waits nor raises.

    Attributes:
        workflows: the name of what renders each kind; may be replaced at any time.
        servers: those of the settings.

    Args:
        registry: where the metrics are registered; nothing of them is global.
        workflows: to begin with.
        monotonic: seconds since some moment.
        is_alive: whether the daemon's main loop goes round.
        dropped_lines: how many lines of the log were lost.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        workflows: Mapping[Kind, str],
        monotonic: Callable[[], float],
        is_alive: Callable[[], bool],
        dropped_lines: Callable[[], int],
    ) -> None:
        self.workflows = workflows
        self._monotonic = monotonic
        self._running: dict[int, tuple[Kind, float]] = {}
        self._lock = Lock()
        self._prompts = Counter(
            "mediagen_prompts",
            "Renders that ended, by what became of the prompt.",
            ("kind", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "mediagen_render_seconds",
            "Seconds from claim to published, of what was rendered here and published.",
            ("kind", "workflow"),
            buckets=SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "mediagen_failures", "Failures, by code.", ("code",), registry=registry
        )
        self._retries = Counter(
            "mediagen_retries",
            "Failed tries after which another one was planned.",
            ("kind",),
            registry=registry,
        )
        self._lease_losses = Counter(
            "mediagen_lease_losses",
            "Renders that were taken over from a worker that was lost.",
            registry=registry,
        )
        self._troubles = Counter(
            "mediagen_worker_troubles",
            "How often a worker could not go on for a while.",
            registry=registry,
        )
        self.servers = ServerMetrics(registry)
        self._begin_at_zero()
        _register_states(registry, is_alive, dropped_lines, self.running)

    def notice(self, event: Event) -> None:
        """Count what happened."""
        match event:
            case RenderStarted():
                with self._lock:
                    self._running[event.render_id] = event.kind, self._monotonic()
            case WorkerTroubled():
                self._troubles.inc()
            case ServerSetAside():
                self.servers.set_aside(event.server)
            case ServerReturned():
                self.servers.returned(event.server)
            case RenderProgressed() | RenderPreviewed():
                pass
            case QueuePaused() | QueueResumed() | KindBroken() | KindMended():
                pass  # what stands still is asked when it is wanted: it may have been so before
            case _:
                self._ended(event)

    def running(self, kind: Kind) -> float:
        """How many prompts of a kind are being rendered here."""
        with self._lock:
            return float(sum(each is kind for each, _ in self._running.values()))

    def reconcile(self, live: Collection[int], as_of: float) -> None:
        """Forget renders whose ends could not be told.

        Args:
            live: every render that the queue says is live.
            as_of: when it was asked, on the monotonic clock; what began later is not among them.
        """
        with self._lock:
            self._running = {
                render_id: (kind, began)
                for render_id, (kind, began) in self._running.items()
                if began >= as_of or render_id in live
            }

    def _ended(self, event: Ended) -> None:
        with self._lock:
            ours = self._running.pop(event.render_id, None) is not None
        self._prompts.labels(event.kind.value, _outcome(event)).inc()
        match event:
            case PromptPublished():
                if ours:  # what others rendered and we only published took no time here
                    workflow = self.workflows.get(event.kind, "")
                    self._seconds.labels(event.kind.value, workflow).observe(event.seconds)
            case PromptFailed() | PromptReleased():
                self._failed(event.failure)
            case PromptPostponed():
                self._failed(event.failure)
                self._retries.labels(event.kind.value).inc()
            case RenderAbandoned():
                self._lease_losses.inc()
                if event.failure:
                    self._failed(event.failure)
            case RenderSuperseded():
                pass
            case _:
                assert_never(event)

    def _failed(self, failure: Failure) -> None:
        self._failures.labels(failure.code.value).inc()

    def _begin_at_zero(self) -> None:
        """A counter that appears with its first event hides that event from ``increase()``."""
        for kind in Kind:
            self._retries.labels(kind.value)
            self._seconds.labels(kind.value, self.workflows.get(kind, ""))
            for outcome in OUTCOMES:
                self._prompts.labels(kind.value, outcome)
        for code in FailureCode:
            self._failures.labels(code.value)


def _outcome(event: Ended) -> str:
    match event:
        case PromptPublished():
            return "published"
        case PromptFailed():
            return "failed"
        case PromptPostponed():
            return "postponed"
        case PromptReleased():
            return "released"
        case RenderSuperseded():
            return "superseded"
        case RenderAbandoned():
            return "failed" if event.failure else "abandoned"
        case _:
            assert_never(event)


def _register_states(
    registry: CollectorRegistry,
    is_alive: Callable[[], bool],
    dropped_lines: Callable[[], int],
    running: Callable[[Kind], float],
) -> None:
    """What is asked only when somebody wants to know."""
    up = Gauge("mediagen_up", "1 while the daemon's main loop goes round.", registry=registry)
    up.set_function(lambda: float(is_alive()))
    dropped = Gauge(
        "mediagen_log_dropped_lines", "Lines of the log lost so far.", registry=registry
    )
    dropped.set_function(lambda: float(dropped_lines()))
    renders = Gauge(
        "mediagen_renders_running", "Prompts being rendered here.", ("kind",), registry=registry
    )
    for kind in Kind:
        renders.labels(kind.value).set_function(partial(running, kind))
    build = Info("mediagen_build", "What runs.", registry=registry)
    build.info({"version": version("media-generator"), "python": platform.python_version()})
