"""The main loop: one generation after the other, until a signal ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from application.ports.events import WorkerTroubled
from application.ports.prompt_repository import RepositoryError
from entrypoints.daemon.generation import Generation
from entrypoints.daemon.slots import planned_slots
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from entrypoints.daemon.signals import Wishes
    from entrypoints.daemon.surroundings import Surroundings
    from entrypoints.settings.loading import LoadedSettings

_LOOK_EVERY = 0.1  # seconds; half of it is what a new prompt waits on average
_REOPEN_EVERY = 2.0  # seconds, while the database cannot be used


class Daemon:
    """Renders what comes, and heeds what signals ask for.

    Args:
        loaded: the settings to begin with.
        load: reads the settings anew; raises SettingsError.
        around: what stands around the work.
        wishes: of the signals.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        load: Callable[[], LoadedSettings],
        around: Surroundings,
        wishes: Wishes,
    ) -> None:
        self._loaded = loaded
        self._load = load
        self._around = around
        self._wishes = wishes

    def run(self) -> None:
        """Work until a signal ends it."""
        self._around.began()
        told = ""
        while not self._wishes.stop:
            plans = planned_slots(self._loaded.settings)
            try:
                with Generation(
                    self._around.container(), plans, self._around.around, self._is_to_stop
                ) as work:
                    told = ""
                    self._attend(work)
            except RepositoryError as error:
                if str(error) != told and not self._wishes.stop:
                    told = str(error)
                    self._around.events.notice(WorkerTroubled(told))
                self._wait(_REOPEN_EVERY)
        self._around.stopping(self._wishes.stop)

    def _is_to_stop(self) -> bool:
        self._around.beat()  # the main loop lives, although it waits
        return bool(self._wishes.stop)

    def _attend(self, work: Generation) -> None:
        """Wake the slots when something was committed, until something else is wanted."""
        while not self._wishes.stop:
            try:
                work.look()
            except RepositoryError:
                work.halt()
                raise
            if self._wait(_LOOK_EVERY):
                work.retire()  # renders that run go on to their end
                while work.working and not self._wishes.stop:
                    self._wait(_LOOK_EVERY)
                break
        if self._wishes.stop:
            self._around.stopping(self._wishes.stop)
            work.halt()

    def _wait(self, seconds: float) -> bool:
        """Wait a little; true once there are other settings for the work."""
        end = time.monotonic() + seconds
        while True:
            self._around.beat()
            if self._wishes.reload:
                self._wishes.reload = False
                return self._reload()
            left = end - time.monotonic()
            if left <= 0 or self._wishes.stop:
                return False
            time.sleep(min(left, _LOOK_EVERY))

    def _reload(self) -> bool:
        """Read the settings anew; those that are the same are no reason to keep a slot waiting."""
        self._around.reloading()
        try:
            loaded = self._load()
            self._around.follow(loaded)
        except SettingsError as error:
            self._around.refused(error)
            return False
        before, self._loaded = self._loaded, loaded
        return loaded.settings != before.settings
