"""The daemon's telemetry: log, metrics, and health over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from prometheus_client import CollectorRegistry

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.model import Web
from entrypoints.telemetry.event_log import EventLog
from entrypoints.telemetry.health import Health, HealthServer
from entrypoints.telemetry.logs import Logs
from entrypoints.telemetry.metrics import RenderMetrics
from entrypoints.telemetry.queue_metrics import QueueMetrics, pause_reader, queue_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from application.ports.events import Event
    from application.ports.system import Clock
    from domain.prompt import Kind
    from domain.workflow_rules import WorkflowKey
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.telemetry.queue_metrics import PauseSnapshot, QueueSnapshot

MAX_LOOP_SECONDS: Final = 60.0  # for one turn of the main loop, without its waits for locks
MAX_LOCK_WAITS: Final = 10  # in one turn, ``database.timeout`` each
_EXPOSED: Final = (
    "anyone who can reach this address can read metrics and health: there is no password."
    " Set web.health_host to 127.0.0.1, or block access with a firewall."
)


class Watchdog:
    """Tells whether the main loop is running: it calls ``reset`` in each turn.

    Attributes:
        max_seconds: longest time between two resets; may be replaced.

    Args:
        monotonic: the monotonic clock, in seconds.
        max_seconds: the longest time at first.
    """

    def __init__(self, monotonic: Callable[[], float], max_seconds: float) -> None:
        self._monotonic = monotonic
        self.max_seconds = max_seconds
        self._reset_at = monotonic()

    def reset(self) -> None:
        """Record that the main loop is running."""
        self._reset_at = self._monotonic()

    def is_alive(self) -> bool:
        """Whether the last reset is recent enough."""
        return self._monotonic() - self._reset_at <= self.max_seconds


class Telemetry:
    """Logs and counts events, and serves health and metrics, under changing settings.

    It is an EventListener. Create it after the database was opened once, or let nothing else
    open the database at the same time: the file is examined by hand before its first opening.

    Attributes:
        logger: for lines about the daemon itself.

    Args:
        loaded: the settings at first.
        workflows: what people call each workflow, for the metrics.
        kinds: the kinds that are rendered here now, each with the code of what is missing, or "".
        stream: takes log lines if no file is set; standard error.
        environ: the environment of the process.
        clock: wall clock and monotonic clock.
        servers: the render servers of the settings, by their names in events.

    Raises:
        SettingsError: the log cannot be written, or the address cannot be served.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        workflows: Mapping[WorkflowKey, str],
        kinds: Callable[[], Mapping[Kind, str]],
        stream: TextIO,
        environ: Mapping[str, str],
        clock: Clock,
        servers: Iterable[str] = (),
    ) -> None:
        self._clock = clock
        self._logs = Logs(loaded.settings.logging, stream, environ)
        self.logger = self._logs.logger
        self._event_log = EventLog(self.logger)
        registry = CollectorRegistry()
        self._watchdog = Watchdog(clock.monotonic, _max_loop_seconds(loaded))
        self._metrics = RenderMetrics(
            registry,
            workflows,
            clock.monotonic,
            self._watchdog.is_alive,
            lambda: self._logs.dropped,
        )
        self._metrics.servers.replace(servers)
        self._read_from(loaded)
        QueueMetrics(registry, self._snapshot, kinds, self._metrics, clock.now)
        self._health = Health(
            registry, self._watchdog.is_alive, self._pause_snapshot, kinds, self._log_error
        )
        self._server: HealthServer | None = None
        self._web = Web()
        try:
            self._serve(loaded.settings.web)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str | None:
        """URL of health and metrics, or None if they are not served."""
        return self._server.url if self._server else None

    def handle(self, event: Event) -> None:
        """Log and count an event."""
        self._event_log.handle(event)
        self._metrics.handle(event)

    def heartbeat(self) -> None:
        """Record that the main loop is running."""
        self._watchdog.reset()

    def apply(
        self,
        loaded: LoadedSettings,
        workflows: Mapping[WorkflowKey, str],
        servers: Iterable[str] = (),
    ) -> None:
        """Switch to other settings; the log file is opened again even if they are the same.

        Raises:
            SettingsError: as in the constructor; everything stays as it was.
        """
        web = self._web
        self._serve(loaded.settings.web)
        try:
            self._logs.reconfigure(loaded.settings.logging)
        except SettingsError:
            self._serve(web)
            raise
        self._metrics.workflows = workflows
        self._metrics.servers.replace(servers)
        self._watchdog.max_seconds = _max_loop_seconds(loaded)
        old = self._queue, self._pause
        self._read_from(loaded)
        for reader in old:
            reader.close()

    def close(self) -> None:
        """Stop serving, and write the last log lines."""
        self._stop_serving()
        self._queue.close()
        self._pause.close()
        self._logs.close()

    def _snapshot(self) -> QueueSnapshot | None:
        return self._queue.snapshot()

    def _pause_snapshot(self) -> PauseSnapshot | None:
        return self._pause.snapshot()

    def _log_error(self, path: str, error: Exception) -> None:
        # By its type alone: its message may be private.
        self.logger.error("health.unanswered", path=path, error=type(error).__name__)

    def _read_from(self, loaded: LoadedSettings) -> None:
        self._queue = queue_reader(loaded, self._clock.monotonic)
        self._pause = pause_reader(loaded, self._clock.monotonic)

    def _serve(self, web: Web) -> None:
        if web == self._web:
            return
        # The old server is closed first: it may hold the very port that the new one needs.
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
        server = HealthServer(web.health_host, web.health_port, self._health.respond)
        self.logger.info("health.listening", url=server.url)
        if server.is_exposed:
            self.logger.warning("health.exposed", host=web.health_host, reason=_EXPOSED)
        return server

    def _stop_serving(self) -> None:
        if self._server:
            self._server.close()
            self._server = None


def _max_loop_seconds(loaded: LoadedSettings) -> float:
    return MAX_LOOP_SECONDS + MAX_LOCK_WAITS * loaded.settings.database.timeout
