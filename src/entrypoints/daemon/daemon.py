"""The main loop: one generation after the other, until a signal ends it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from application.ports.events import WorkerError
from application.ports.prompt_repository import RepositoryError
from entrypoints.daemon.generation import Generation
from entrypoints.daemon.slots import planned_slots
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from entrypoints.daemon.telemetry import DaemonTelemetry
    from entrypoints.settings.loader import LoadedSettings

POLL_INTERVAL = 0.1  # seconds; half of it is what a new prompt waits on average
_REOPEN_INTERVAL = 2.0  # seconds, while the database cannot be used


class SignalRequests:
    """What the signals that arrived ask for."""

    def __init__(self) -> None:
        self.stop = ""  # the name of the signal, once one arrived
        self.reload = False


@contextmanager
def signal_requests(before_exit: Callable[[], None]) -> Iterator[SignalRequests]:
    """Turn SIGTERM and SIGINT into a request to stop, and SIGHUP into one to reload settings.

    A second SIGTERM or SIGINT ends the process at once. A signal that is ignored stays ignored
    (``nohup`` ignores SIGHUP).

    Args:
        before_exit: called before the process ends at a second signal.
    """
    requests = SignalRequests()

    def stop(number: int, _: FrameType | None) -> None:
        if requests.stop:
            before_exit()
            os._exit(128 + number)
        requests.stop = signal.Signals(number).name

    def reload(_: int, __: FrameType | None) -> None:
        requests.reload = True

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    previous = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Daemon:
    """Renders prompts as they arrive, and does what signals ask for.

    Args:
        loaded: the settings to start with.
        load: reads the settings again; raises SettingsError.
        telemetry: logs, metrics, live state and hooks.
        requests: what signals ask for.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        load: Callable[[], LoadedSettings],
        telemetry: DaemonTelemetry,
        requests: SignalRequests,
    ) -> None:
        self._loaded = loaded
        self._load = load
        self._telemetry = telemetry
        self._requests = requests

    def run(self) -> None:
        """Render until a signal asks to stop."""
        self._telemetry.started()
        last_error = ""
        while not self._requests.stop:
            plans = planned_slots(self._loaded.settings)
            container = self._telemetry.container()
            try:
                with Generation(
                    container, plans, self._telemetry.background, self._heartbeat
                ) as generation:
                    last_error = ""
                    self._run_generation(generation)
            except RepositoryError as error:
                if str(error) != last_error and not self._requests.stop:
                    last_error = str(error)
                    self._telemetry.events.handle(WorkerError(last_error))
                self._wait(_REOPEN_INTERVAL)
        self._telemetry.stopping(self._requests.stop)

    def _heartbeat(self) -> bool:
        """Say that the main loop is alive although it waits for a lock; whether it is to stop."""
        self._telemetry.heartbeat()
        return bool(self._requests.stop)

    def _run_generation(self, generation: Generation) -> None:
        """Wake the slots after each commit, until a stop or other settings are requested."""
        while not self._requests.stop:
            try:
                generation.poll()
            except RepositoryError:
                generation.halt()
                raise
            if self._wait(POLL_INTERVAL):
                generation.retire()  # renders in progress are finished
                while generation.working and not self._requests.stop:
                    self._wait(POLL_INTERVAL)
                break
        if self._requests.stop:
            self._telemetry.stopping(self._requests.stop)
            generation.halt()

    def _wait(self, seconds: float) -> bool:
        """Wait a little; true once there are other settings for the work."""
        end = time.monotonic() + seconds
        while True:
            self._telemetry.heartbeat()
            if self._requests.reload:
                self._requests.reload = False
                return self._reload()
            left = end - time.monotonic()
            if left <= 0 or self._requests.stop:
                return False
            time.sleep(min(left, POLL_INTERVAL))

    def _reload(self) -> bool:
        """Read the settings again; whether they differ, so that the slots must start again."""
        self._telemetry.reloading()
        try:
            loaded = self._load()
            self._telemetry.apply(loaded)
        except SettingsError as error:
            self._telemetry.refused(error)
            return False
        previous, self._loaded = self._loaded, loaded
        return loaded.settings != previous.settings
