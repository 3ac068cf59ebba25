"""Everything that runs for one configuration: slots, heartbeats, recovery, housekeeping."""

from __future__ import annotations

from contextlib import ExitStack, closing
from threading import Thread
from typing import TYPE_CHECKING, Self

from application.ports.events import WorkerError
from application.ports.prompt_repository import RepositoryError, Selection
from application.signals import StopRequest, WakeSignal
from application.worker_loop import WorkerLoop
from domain.failure import describe_exception
from entrypoints.container import LEASE_POLL_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from application.ports.database import QueueWatch
    from entrypoints.container import Container
    from entrypoints.daemon.slots import SlotPlan

    Background = Callable[[Container, StopRequest], AbstractContextManager[None]]

_RECOVERY_INTERVAL = 5.0  # seconds
_HOUSEKEEPING_INTERVAL = 5.0  # seconds, while there is much to do; otherwise it rests for an hour


class Generation:
    """Everything that runs for one configuration; started and ended as a whole.

    Args:
        container: the parts, built from the configuration.
        plans: the slots to run.
        background: a context manager that lasts as long as the slots run.
        stop_waiting: called about once a second while the start waits for a lock; returns
            whether to give up.

    Raises:
        RepositoryError: on entering, the database cannot be used.
    """

    def __init__(
        self,
        container: Container,
        plans: Sequence[SlotPlan],
        background: Background,
        stop_waiting: Callable[[], bool],
    ) -> None:
        self._container = container
        self._plans = plans
        self._background = background
        self._stop_waiting = stop_waiting
        self._events = container.events()
        self._stop = StopRequest()
        self._retire = StopRequest()
        self._wake = WakeSignal()
        self._threads: list[Thread] = []
        self._open = ExitStack()
        self._watch: QueueWatch | None = None

    def __enter__(self) -> Self:
        """Open the database and start the slots."""
        from adapters.system_clock import repeating

        with ExitStack() as opening:
            self._open_database(opening)
            opening.enter_context(
                repeating(self._safely(self._container.keeper().tick), LEASE_POLL_INTERVAL)
            )
            opening.enter_context(repeating(self._safely(self._recover), _RECOVERY_INTERVAL))
            keep_house = self._safely(self._container.housekeeping().tick)
            opening.enter_context(repeating(keep_house, _HOUSEKEEPING_INTERVAL))
            opening.enter_context(self._background(self._container, self._stop))
            self._threads = [thread for plan in self._plans for thread in self._lanes(plan)]
            self._open = opening.pop_all()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the slots and close everything."""
        if kind is not None:
            self.halt()
        self.retire()
        for thread in self._threads:
            thread.join()
        with self._open:
            self._safely(self._container.recovery().clean_up)()

    @property
    def working(self) -> bool:
        """Whether any slot is still running."""
        return any(thread.is_alive() for thread in self._threads)

    def retire(self) -> None:
        """Let every slot end after the prompt that it is rendering."""
        self._retire.make()
        self._wake.notify()

    def halt(self) -> None:
        """Let every slot give its prompt back to the queue and end."""
        self._stop.make()
        self._wake.notify()

    def poll(self) -> None:
        """Wake the slots if another program committed to the database.

        Raises:
            RepositoryError: the database was moved away or replaced, or cannot be used.
        """
        if self._watch is not None and self._watch.changed():
            self._wake.notify()

    def _open_database(self, opening: ExitStack) -> None:
        connection = self._container.connection()
        opening.callback(connection.close)
        connection.on_long_wait(lambda text: self._events.handle(WorkerError(text)))
        opening.enter_context(closing(self._container.renderer()))
        lease_connection = self._container.lease_connection()
        opening.callback(lease_connection.close)
        connection.limit_waits_while(self._stop_waiting)
        lease_connection.limit_waits_while(self._stop_waiting)
        self._watch = self._container.watch()
        opening.callback(self._watch.close)
        self._container.recovery().run()
        self._container.admission().restore()
        connection.limit_waits_while(lambda: self._stop.made)
        lease_connection.limit_waits_while(lambda: False)

    def _lanes(self, plan: SlotPlan) -> list[Thread]:
        """The threads of a slot."""
        slot = self._container.slot(environment=plan.environment)
        loops = [
            WorkerLoop(
                slot,
                self._container.repository(),
                self._container.admission(),
                self._wake,
                self._container.clock(),
                self._events,
                Selection(kinds=plan.kinds),
            )
            for _ in range(slot.lanes)
        ]
        requests = (self._stop, self._retire)
        return [
            Thread(target=loop.run, args=requests, name=plan.name, daemon=True) for loop in loops
        ]

    def _recover(self) -> None:
        if self._container.recovery().run():
            self._wake.notify()

    def _safely(self, chore: Callable[[], None]) -> Callable[[], None]:
        """A chore that reports each error once, and never raises: it is called again later."""
        last_error = ""

        def attempt() -> None:
            nonlocal last_error
            try:
                chore()
            except (RepositoryError, OSError) as error:
                message = str(error)
            except Exception as error:  # noqa: BLE001 - without the chore, work would be left undone
                where = describe_exception(error)
                message = f"this is a bug in Media Generator, please report it: {where}"
            else:
                message = ""
            if message not in ("", last_error):
                self._events.handle(WorkerError(message))
            last_error = message

        return attempt
