"""Everything by which a daemon is observed, in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from prometheus_client import CollectorRegistry

from entrypoints.observing.event_log import DaemonLog, EventLog
from entrypoints.observing.health import Health
from entrypoints.observing.health_server import HealthServer
from entrypoints.observing.kind_metrics import KindMetrics
from entrypoints.observing.logs import configure_logging
from entrypoints.observing.metrics import RenderMetrics
from entrypoints.observing.pulse import Pulse
from entrypoints.observing.queue_metrics import QueueMetrics
from entrypoints.observing.queue_sight import QueueWatcher, queue_of
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.model import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from application.ports.clock import Clock
    from application.ports.events import Event
    from domain.kind import Kind
    from entrypoints.observing.health import Answer
    from entrypoints.observing.queue_sight import QueueSight
    from entrypoints.settings.loading import LoadedSettings

_LONGEST_TURN = 60.0  # seconds of the main loop, beside its waits for the database
_LOCK_WAITS = 10  # of ``database.timeout`` each: the patience of whoever renders


class Observatory:
    """Logs, counts and answers for as long as the process lives, whatever settings it follows.

    It is an EventListener. Make it after the database was opened once, or let nothing else
    open it at the same moment: a database's file is looked at by hand before its first opening.

    Attributes:
        daemon: for what the daemon says of itself.
        registry: of the metrics.

    Args:
        loaded: the settings to begin with.
        workflows: the name of what renders each kind, for the metrics.
        kinds: that are rendered here now, each with the code of what is missing, or "".
        stream: standard error.
        environ: of the process.
        clock: both sides.
        servers: the render servers of the settings, by the names that events give them.

    Raises:
        SettingsError: the log cannot be written, or nothing can be served where it should be.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        workflows: Mapping[Kind, str],
        kinds: Callable[[], Mapping[Kind, str]],
        stream: TextIO,
        environ: Mapping[str, str],
        clock: Clock,
        servers: Iterable[str] = (),
    ) -> None:
        self._clock = clock
        self._logs = configure_logging(loaded.settings.logging, stream, environ)
        self.daemon = DaemonLog(self._logs.logger)
        self.registry = CollectorRegistry()
        self._pulse = Pulse(clock.monotonic, _longest_turn(loaded))
        self._metrics = RenderMetrics(
            self.registry,
            workflows,
            clock.monotonic,
            self._pulse.is_beating,
            lambda: self._logs.dropped,
        )
        self._metrics.servers.follow(servers)
        self._event_log = EventLog(self._logs.logger)
        self._watcher = self._watcher_of(loaded)
        QueueMetrics(self.registry, self._see, self._metrics, clock.now)
        KindMetrics(self.registry, kinds)
        self._health = Health(self.registry, self._pulse.is_beating, self._see, kinds)
        self._server: HealthServer | None = None
        self._web = Web()
        try:
            self._serve(loaded.settings.web)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str | None:
        """Where health and metrics are served, if they are."""
        return self._server.url if self._server else None

    def notice(self, event: Event) -> None:
        """Log and count what happened."""
        self._event_log.notice(event)
        self._metrics.notice(event)

    def beat(self) -> None:
        """Say that the main loop goes round."""
        self._pulse.beat()

    def follow(
        self,
        loaded: LoadedSettings,
        workflows: Mapping[Kind, str],
        servers: Iterable[str] = (),
    ) -> None:
        """Follow other settings; the log file is opened anew even if they are the same.

        Raises:
            SettingsError: as at the start; everything goes on as it was then.
        """
        web = self._web
        self._serve(loaded.settings.web)
        try:
            self._logs.reconfigure(loaded.settings.logging)
        except SettingsError:
            self._serve(web)
            raise
        self._metrics.workflows = workflows
        self._metrics.servers.follow(servers)
        self._pulse.longest_seconds = _longest_turn(loaded)
        before, self._watcher = self._watcher, self._watcher_of(loaded)
        before.close()

    def close(self) -> None:
        """Serve no more, and write the last lines."""
        self._stop_serving()
        self._watcher.close()
        self._logs.close()

    def _see(self) -> QueueSight | None:
        return self._watcher.see()

    def _answer(self, path: str, accept: str) -> Answer:
        try:
            return self._health.answer(path, accept)
        except Exception as error:
            self.daemon.unanswered(path, error)
            raise

    def _watcher_of(self, loaded: LoadedSettings) -> QueueWatcher:
        monotonic = self._clock.monotonic
        return QueueWatcher(queue_of(loaded, monotonic), monotonic)

    def _serve(self, web: Web) -> None:
        if web == self._web:
            return
        # The old one may hold the very port that the new one wants.
        self._stop_serving()
        try:
            self._server = self._server_for(web)
        except SettingsError:
            self._server = self._server_for(self._web)
            raise
        self._web = web

    def _server_for(self, web: Web) -> HealthServer | None:
        if web.health_port is None:
            return None
        server = HealthServer(web.health_host, web.health_port, self._answer)
        self.daemon.listening(server.url)
        if server.is_exposed:
            self.daemon.exposed(web.health_host)
        return server

    def _stop_serving(self) -> None:
        if self._server:
            self._server.close()
            self._server = None


def _longest_turn(loaded: LoadedSettings) -> float:
    return _LONGEST_TURN + _LOCK_WAITS * loaded.settings.database.timeout
