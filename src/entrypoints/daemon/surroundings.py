"""What stands around the work: logs and metrics, live state, hooks, the service manager."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from application.audience import Audience
from domain.kind import Kind
from entrypoints import building, showing
from entrypoints.building_renderers import workflow_name
from entrypoints.container import compose
from entrypoints.daemon.manager_status import ManagerStatus
from entrypoints.daemon.slots import SlotPlan, planned_slots
from entrypoints.observing.observatory import Observatory
from entrypoints.observing.server_names import server_names
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.systemd_notice import SystemdNotice
    from application.stopping import StopRequest
    from entrypoints.container import Container
    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.web.serving import Serving


class Surroundings:
    """Whoever is told of the work, for as long as the process lives.

    Attributes:
        events: everybody who wants to know what happens.

    Args:
        loaded: the settings to begin with.
        manager: the line to the service manager.
        serves: whether the page is shown too.

    Raises:
        SettingsError: the log cannot be written, or nothing can be served where it should be.
    """

    def __init__(
        self, loaded: LoadedSettings, manager: SystemdNotice, *, serves: bool = False
    ) -> None:
        self._loaded = loaded
        self._manager = manager
        self._watchdog_at = 0.0
        self._ends = False
        self._state = showing.build_worker_state("daemon", len(_plans(loaded)))
        names, clock = _workflow_names(loaded), building.build_clock()
        self._log = Observatory(
            loaded, names, self._kinds, sys.stderr, os.environ, clock, server_names(loaded)
        )
        self._status = ManagerStatus(manager)
        self.events = Audience(self._log, self._state, self._status)
        self._page: Serving | None = None
        if serves:
            try:
                self._serve(loaded)
            except BaseException:
                self._log.close()
                raise

    def container(self) -> Container:
        """Fresh parts for the settings that are in force."""
        return compose(self._loaded, self.events)

    @contextmanager
    def around(self, container: Container, stop: StopRequest) -> Iterator[None]:
        """While it lasts, others see what is done, and hooks are told."""
        from entrypoints.delivering import delivering

        notifier = container.notifier()
        notifier.listen(self._log.daemon.delivery)
        writer = showing.build_live_writer(
            self._loaded, self._state, container.processes(), container.clock()
        )
        if warning := writer.prepare():
            self._log.daemon.warned(warning)
        standing = container.admission().standing
        with ExitStack() as ending:
            if notifier.has_hooks:
                ending.callback(container.notice_connection().close)
            ending.enter_context(showing.shown_to_others(self._state, writer, standing))
            ending.enter_context(delivering(notifier, stop))
            yield

    def began(self) -> None:
        """Say that the daemon is there, even if its database is not yet."""
        slots = [plan.name.partition("-")[0] for plan in _plans(self._loaded)]
        counted = {name: slots.count(name) for name in dict.fromkeys(slots)}
        self._log.daemon.started(version("media-generator"), os.getpid(), counted)
        self._status.begin()
        self._manager.ready()

    def beat(self) -> None:
        """Say that the main loop goes round."""
        self._log.beat()
        if self._manager.watchdog_seconds is not None:
            now = time.monotonic()
            if now >= self._watchdog_at:
                self._watchdog_at = now + self._manager.watchdog_seconds / 2
                self._manager.watchdog()

    def reloading(self) -> None:
        """Say that the settings are read anew."""
        self._manager.reloading()

    def follow(self, loaded: LoadedSettings) -> None:
        """Follow other settings.

        Raises:
            SettingsError: they cannot be followed; everything is as it was.
        """
        self._log.follow(loaded, _workflow_names(loaded), server_names(loaded))
        if self._page is not None and loaded.settings != self._loaded.settings:
            self._serve_anew(loaded)
        self._loaded = loaded
        self._state.resize(len(_plans(loaded)))
        self._log.daemon.reloaded()
        self._status.begin()
        self._manager.ready()

    def _kinds(self) -> Mapping[Kind, str]:
        """What the slots render, each with the code of what is missing, or ""."""
        broken = {each.kind: each.code for each in self._state.standing.broken}
        taken = frozenset[Kind]().union(*(plan.kinds for plan in _plans(self._loaded)))
        return {kind: broken.get(kind, "") for kind in Kind if kind in taken}

    def _serve(self, loaded: LoadedSettings) -> None:
        from entrypoints.web.serving import start_serving

        self._page = start_serving(loaded)
        self._log.daemon.serving(self._page.url)

    def _serve_anew(self, loaded: LoadedSettings) -> None:
        """The old one may hold the very port that the new one wants."""
        if self._page is not None:
            self._page.close()
        try:
            self._serve(loaded)
        except SettingsError:
            self._serve(self._loaded)
            before = self._loaded
            self._log.follow(before, _workflow_names(before), server_names(before))
            raise

    def refused(self, error: SettingsError) -> None:
        """Say what is wrong with the new settings."""
        self._log.daemon.refused(error)
        self._manager.ready()

    def stopping(self, reason: str) -> None:
        """Say, once, that the daemon was asked to end."""
        if self._ends:
            return
        self._ends = True
        self._log.daemon.stopping(reason)
        self._manager.stopping()

    def close(self) -> None:
        """Say that it ends, and write the last lines."""
        if self._page is not None:
            self._page.close()
        self._log.daemon.stopped()
        self._log.close()


def _plans(loaded: LoadedSettings) -> tuple[SlotPlan, ...]:
    return planned_slots(loaded.settings)


def _workflow_names(loaded: LoadedSettings) -> Mapping[Kind, str]:
    return {kind: workflow_name(loaded, kind) for kind in Kind}
