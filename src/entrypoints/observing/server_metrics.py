"""Which render servers are up, and how often each was set aside, in Prometheus' terms."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry


class ServerMetrics:
    """A series of each sort for each server of the settings. Safe from any thread.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "mediagen_server_up",
            "1 while a render server gets jobs, 0 while it is set aside.",
            ("server",),
            registry=registry,
        )
        self._set_asides = Counter(
            "mediagen_server_set_asides",
            "How often a render server was set aside.",
            ("server",),
            registry=registry,
        )
        self._known: frozenset[str] = frozenset()
        self._lock = Lock()

    def follow(self, servers: Iterable[str]) -> None:
        """Take note of the servers that the settings name; each counts as up until it fails.

        What was counted of a server that stays goes on; one that is gone shows no more.
        """
        wanted = frozenset(servers)
        with self._lock:
            for server in self._known - wanted:
                self._up.remove(server)
                self._set_asides.remove(server)
            for server in wanted:
                self._up.labels(server).set(1)
                self._set_asides.labels(server)
            self._known = wanted

    def set_aside(self, server: str) -> None:
        """Count that a server gets no jobs for now."""
        with self._lock:
            if server in self._known:  # a job of older settings may still be at another
                self._up.labels(server).set(0)
                self._set_asides.labels(server).inc()

    def returned(self, server: str) -> None:
        """Take note that a server gets jobs again."""
        with self._lock:
            if server in self._known:
                self._up.labels(server).set(1)
