"""The daemon's telemetry: logs and metrics, live state, hooks, page, service manager."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from application.ports.events import (
    EventFanout,
    KindRecovered,
    KindUnavailable,
    QueuePaused,
    QueueResumed,
)
from domain.prompt import Kind
from domain.workflow_rules import workflow_subject
from entrypoints.background_threads import hook_threads, live_state_threads
from entrypoints.container import compose
from entrypoints.daemon.slots import planned_slots
from entrypoints.renderer_setup import server_names, workflow_names
from entrypoints.settings.errors import SettingsError
from entrypoints.telemetry.event_log import log_delivery, redacted_reason
from entrypoints.telemetry.telemetry import Telemetry
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from application.ports.events import Event
    from application.ports.system import ServiceManager
    from application.signals import StopRequest
    from domain.workflow_rules import WorkflowKey
    from entrypoints.container import Container
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.web.server import RunningServer


class DaemonTelemetry:
    """Everything that reports on the daemon's work; it lasts as long as the process.

    Attributes:
        events: passes events to logs, live state and service manager.

    Args:
        loaded: the settings to start with.
        manager: the service manager.
        serves: whether to serve the page too.

    Raises:
        SettingsError: the log cannot be written, or an address cannot be served.
    """

    def __init__(
        self, loaded: LoadedSettings, manager: ServiceManager, *, serves: bool = False
    ) -> None:
        self._loaded = loaded
        self._manager = manager
        self._watchdog_at = 0.0
        self._stopping = False
        first = compose(loaded, command="daemon", slots=len(planned_slots(loaded.settings)))
        self._state = first.worker_state()
        self._telemetry = Telemetry(
            loaded,
            workflow_names(loaded),
            self._kinds,
            sys.stderr,
            os.environ,
            first.clock(),
            server_names(loaded),
        )
        self._log = self._telemetry.logger
        self._status = ManagerStatus(manager)
        self.events = EventFanout(self._telemetry, self._state, self._status)
        self._page: RunningServer | None = None
        if serves:
            try:
                self._serve(loaded)
            except BaseException:
                self._telemetry.close()
                raise

    def container(self) -> Container:
        """A new container for the settings in force."""
        return compose(self._loaded, self.events, worker_state=self._state)

    @contextmanager
    def background(self, container: Container, stop: StopRequest) -> Iterator[None]:
        """Publish live state and deliver hooks for as long as the block lasts."""
        dispatcher = container.hook_dispatcher()
        dispatcher.on_attempt(partial(log_delivery, self._log))
        if warning := container.live_writer().prepare():
            self._log.warning("daemon.warned", reason=warning)
        with ExitStack() as stack:
            if dispatcher.has_hooks:
                stack.callback(container.outbox_connection().close)
            stack.enter_context(live_state_threads(container))
            stack.enter_context(hook_threads(dispatcher, stop))
            yield

    def started(self) -> None:
        """Report that the daemon has started, even if its database is not available yet."""
        plans = planned_slots(self._loaded.settings)
        counts = Counter(plan.name.partition("-")[0] for plan in plans)
        self._log.info(
            "daemon.started",
            version=VERSION,
            pid=os.getpid(),
            slots=dict(counts),
        )
        self._status.reset()
        self._manager.ready()

    def heartbeat(self) -> None:
        """Report that the main loop is alive."""
        self._telemetry.heartbeat()
        if self._manager.watchdog_seconds is not None:
            now = time.monotonic()
            if now >= self._watchdog_at:
                self._watchdog_at = now + self._manager.watchdog_seconds / 2
                self._manager.watchdog()

    def reloading(self) -> None:
        """Report that the settings are being read again."""
        self._manager.reloading()

    def apply(self, loaded: LoadedSettings) -> None:
        """Switch to other settings.

        Raises:
            SettingsError: they cannot be applied; everything is as it was.
        """
        self._telemetry.apply(loaded, workflow_names(loaded), server_names(loaded))
        if self._page is not None and loaded.settings != self._loaded.settings:
            self._serve_again(loaded)
        self._loaded = loaded
        self._state.resize(len(planned_slots(loaded.settings)))
        self._log.info("config.reloaded")
        self._status.reset()
        self._manager.ready()

    def _kinds(self) -> Mapping[Kind, str]:
        """The kinds that the slots render, each with the code of its failure, or ""."""
        broken_kinds = [one for one in self._state.gate.unavailable if one.is_whole_kind]
        failures = {broken.kind: broken.code for broken in broken_kinds}
        plans = planned_slots(self._loaded.settings)
        kinds = frozenset[Kind]().union(*(plan.kinds for plan in plans))
        return {kind: failures.get(kind, "") for kind in Kind if kind in kinds}

    def _serve(self, loaded: LoadedSettings) -> None:
        from entrypoints.web.server import start_server

        self._page = start_server(loaded, self._warn_of_rejected_token)
        self._log.info("page.listening", url=self._page.url)

    def _warn_of_rejected_token(self, place: str, address: str, count: int) -> None:
        self._log.warning("page.token_rejected", place=place, address=address, count=count)

    def _serve_again(self, loaded: LoadedSettings) -> None:
        # The old server is closed first: it may hold the very port that the new one needs.
        if self._page is not None:
            self._page.close()
        try:
            self._serve(loaded)
        except SettingsError:
            self._serve(self._loaded)
            old = self._loaded
            self._telemetry.apply(old, workflow_names(old), server_names(old))
            raise

    def refused(self, error: SettingsError) -> None:
        """Report what is wrong with the new settings."""
        reason = " | ".join(str(problem) for problem in error.problems)
        self._log.error("config.refused", reason=reason)
        self._manager.ready()

    def stopping(self, reason: str) -> None:
        """Report, once, that the daemon was asked to stop."""
        if self._stopping:
            return
        self._stopping = True
        self._log.info("daemon.stopping", reason=reason)
        self._manager.stopping()

    def close(self) -> None:
        """Report the end, and write the last log lines."""
        if self._page is not None:
            self._page.close()
        self._log.info("daemon.stopped")
        self._telemetry.close()


class ManagerStatus:
    """Tells the service manager what keeps the queue from moving, if anything."""

    def __init__(self, manager: ServiceManager) -> None:
        self._manager = manager
        self._unavailable: dict[WorkflowKey, str] = {}

    def reset(self) -> None:
        """Report that it is working; problems that persist are reported again when they occur."""
        self._unavailable.clear()
        self._update()

    def handle(self, event: Event) -> None:
        """Update the status."""
        match event:
            case QueuePaused():
                self._manager.status(f"paused: {redacted_reason(event.code, event.reason)}")
            case KindUnavailable():
                why = f"{event.failure.code}: {event.failure.hint}"
                key = event.kind, event.workflow
                self._unavailable[key] = f"cannot render {workflow_subject(key, '')}: {why}"
                self._update()
            case KindRecovered():
                self._unavailable.pop((event.kind, event.workflow), None)
                self._update()
            case QueueResumed():
                self._update()
            case _:
                pass

    def _update(self) -> None:
        self._manager.status("; ".join(self._unavailable.values()) or "working")
