"""Tells all machines through the database that this worker lives, and what it can do."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from application.ports.prompt_repository import RepositoryError
from application.ports.workers import StoppedKind, WorkerDescription
from domain.lease import Liveness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from application.ports.live_state import WorkerView
    from application.ports.system import Clock, Processes
    from application.ports.workers import WorkerRegister
    from domain.lease import ProcessIdentity
    from domain.prompt import Kind

INTERVAL: Final = 20.0
"""Seconds between two signs of life in PostgreSQL; a change of what is said is written at once."""
FILE_INTERVAL: Final = 300.0
"""The same in a SQLite file, where an idle daemon is to leave the disk alone."""

_ENVIRONMENT: Final = "environment"


class Registration:
    """Keeps the entry of this process in the register up to date. One thread uses it.

    Args:
        register: over a connection that need not survive a loss of power.
        processes: of this machine.
        view: returns the state of this worker.
        renderers: the renderer of each kind that it renders.
        version: of Media Generator.
        clock: the monotonic clock.
        interval: seconds between two signs of life.
    """

    def __init__(
        self,
        register: WorkerRegister,
        processes: Processes,
        view: Callable[[ProcessIdentity], WorkerView],
        renderers: Mapping[Kind, str],
        version: str,
        clock: Clock,
        interval: float = INTERVAL,
    ) -> None:
        self._register = register
        self._processes = processes
        self._view = view
        self._renderers = renderers
        self._version = version
        self._clock = clock
        self._interval = interval
        self._written: WorkerDescription | None = None
        self._written_at = 0.0
        self._is_registered = False

    def tick(self) -> None:
        """Write the entry if it is due or has changed; errors are left for the next call."""
        description = self._describe()
        now = self._clock.monotonic()
        if description == self._written and now - self._written_at < self._interval:
            return
        try:
            if self._written is None:
                self._forget_predecessors()
            self._register.register(description)
        except RepositoryError:
            self._is_registered = False
        else:
            self._is_registered = True
        self._written, self._written_at = description, now

    def close(self) -> None:
        """Remove the entry; never raises. If the database cannot be used, it shows as gone."""
        if self._is_registered:
            with suppress(RepositoryError):
                self._register.unregister(self._processes.me())

    def _forget_predecessors(self) -> None:
        """Remove the entries of workers of this machine that were killed."""
        for worker in self._register.workers():
            identity = worker.description.identity
            if self._processes.liveness_of(identity) is Liveness.DEAD:
                self._register.unregister(identity)

    def _describe(self) -> WorkerDescription:
        view = self._view(self._processes.me())
        gate = view.gate
        # A named workflow that cannot run leaves the others of its kind.
        kinds = [kind for kind in gate.unavailable if kind.is_whole_kind]
        stopped = [StoppedKind(kind.kind, kind.code, kind.message) for kind in kinds]
        if gate.paused_by == _ENVIRONMENT:
            stopped.append(StoppedKind(None, gate.code, gate.reason))
        return WorkerDescription(
            view.identity,
            view.command,
            self._version,
            view.slots,
            self._renderers,
            tuple(stopped),
            view.started_at,
        )
