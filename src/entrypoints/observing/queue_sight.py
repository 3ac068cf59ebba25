"""Looking at the queue on behalf of whoever asks over HTTP, within a time that is kept."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from application.ports.prompt_repository import RepositoryError
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from application.ports.prompt_catalogue import QueueSummary
    from application.ports.queue_controls import Pause
    from entrypoints.settings.loading import LoadedSettings

    Opened = Callable[[], AbstractContextManager[Callable[[], "QueueSight"]]]

LIMIT_SECONDS: Final = 2.0  # below every scraper's own limit
_LOCK_WAIT_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 1.0  # several who ask at once are told the same


@dataclass(frozen=True, slots=True)
class QueueSight:
    """The queue as it was seen.

    Attributes:
        summary: what waits.
        pause: why nothing is claimed, or None.
        as_of: when the look began, on the monotonic clock.
    """

    summary: QueueSummary
    pause: Pause | None
    as_of: float


class QueueWatcher:
    """Looks at the queue in a thread of its own, one look at a time.

    Args:
        opened: the queue, open; what it yields looks once and may raise RepositoryError.
        monotonic: seconds since some moment.
        limit_seconds: how long anybody waits for an answer.
    """

    def __init__(
        self,
        opened: Opened,
        monotonic: Callable[[], float],
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        self._opened = opened
        self._monotonic = monotonic
        self._limit_seconds = limit_seconds
        self._stack = ExitStack()
        self._look: Callable[[], QueueSight] | None = None
        self._newest: Future[QueueSight] | None = None
        self._looked_at = 0.0
        self._closed = False
        self._lock = Lock()

    def see(self) -> QueueSight | None:
        """The queue, or None when it cannot be seen (in time)."""
        try:
            return self._asked().result(self._limit_seconds)
        except (TimeoutError, RepositoryError, SettingsError):
            return None

    def close(self) -> None:
        """Look no more. A look that is stuck ends later, and closes the database then."""
        with self._lock:
            self._closed = True
            if self._newest is None or self._newest.done():
                self._stack.close()

    def _asked(self) -> Future[QueueSight]:
        with self._lock:
            newest, now = self._newest, self._monotonic()
            aged = newest is None or (newest.done() and now - self._looked_at >= _FRESH_SECONDS)
            if newest is None or (aged and not self._closed):
                newest = self._newest = Future()
                self._looked_at = now
                Thread(target=self._answer, args=(newest,), name="sight", daemon=True).start()
            return newest

    def _answer(self, wanted: Future[QueueSight]) -> None:
        seen: QueueSight | BaseException
        try:
            if self._look is None:
                self._look = self._stack.enter_context(self._opened())
            seen = self._look()
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            seen = error
        with self._lock:
            if isinstance(seen, BaseException):
                wanted.set_exception(seen)
            else:
                wanted.set_result(seen)
            if self._closed:
                self._stack.close()


def queue_of(loaded: LoadedSettings, monotonic: Callable[[], float]) -> Opened:
    """How to open the queue that the settings name, over a connection of its own."""

    @contextmanager
    def opened() -> Iterator[Callable[[], QueueSight]]:
        from adapters.sqlite.connection import Connection
        from entrypoints import building
        from entrypoints.settings.resolution import database_path

        with closing(Connection(database_path(loaded), _LOCK_WAIT_SECONDS)) as connection:
            catalogue = building.build_catalogue(connection)
            controls = building.build_controls(connection)

            def look() -> QueueSight:
                as_of = monotonic()
                connection.check_identity()
                return QueueSight(catalogue.summary(), controls.paused(), as_of)

            yield look

    return opened
