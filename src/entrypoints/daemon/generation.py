"""One configuration at work: its slots, its heartbeat, its recovery."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Self

from application.bell import Bell
from application.mistakes import what_and_where
from application.ports.events import WorkerTroubled
from application.ports.prompt_repository import RepositoryError, Selection
from application.standing import StandingSlot
from application.stopping import StopRequest
from entrypoints.building import LOOK_SECONDS
from entrypoints.building_renderers import servers_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from adapters.sqlite.queue_watch import SqliteQueueWatch
    from entrypoints.container import Container
    from entrypoints.daemon.slots import SlotPlan

    Around = Callable[[Container, StopRequest], AbstractContextManager[None]]

_RECOVER_EVERY = 5.0  # seconds
_KEEP_HOUSE_EVERY = 5.0  # seconds, while there is much of it; it rests for an hour by itself


class Generation:
    """Everything that runs for one configuration; begun and ended as a whole.

    Args:
        container: of the parts.
        plans: of the slots.
        around: what is to last as long as the work.
        waiting: is called about once a second by whoever enters and has to wait for a lock;
            whether it is to wait no longer.

    Raises:
        RepositoryError: on entering, the database cannot be used.
    """

    def __init__(
        self,
        container: Container,
        plans: Sequence[SlotPlan],
        around: Around,
        waiting: Callable[[], bool],
    ) -> None:
        self._container = container
        self._plans = plans
        self._around = around
        self._waiting = waiting
        self._events = container.events()
        self._stop = StopRequest()
        self._retire = StopRequest()
        self._bell = Bell()
        self._threads: list[Thread] = []
        self._open = ExitStack()
        self._watch: SqliteQueueWatch | None = None

    def __enter__(self) -> Self:
        """Open the database and let the slots begin."""
        from adapters.heartbeat import beating

        with ExitStack() as opening:
            self._open_database(opening)
            opening.enter_context(
                beating(self._safely(self._container.keeper().tick), LOOK_SECONDS)
            )
            opening.enter_context(beating(self._safely(self._recover), _RECOVER_EVERY))
            keep_house = self._safely(self._container.housekeeping().tick)
            opening.enter_context(beating(keep_house, _KEEP_HOUSE_EVERY))
            opening.enter_context(self._around(self._container, self._stop))
            self._threads = [self._thread(plan) for plan in self._plans]
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
            self._safely(self._container.recovery().clear_away)()

    @property
    def working(self) -> bool:
        """Whether any slot still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def retire(self) -> None:
        """Let every slot end after the prompt that it renders."""
        self._retire.make()
        self._bell.ring()

    def halt(self) -> None:
        """Let every slot give back what it renders, and end."""
        self._stop.make()
        self._bell.ring()

    def look(self) -> None:
        """Wake the slots if anything was committed.

        Raises:
            RepositoryError: the database was moved away or replaced, or cannot be used.
        """
        if self._watch is not None and self._watch.changed():
            self._bell.ring()

    def _open_database(self, opening: ExitStack) -> None:
        connection = self._container.connection()
        opening.callback(connection.close)
        connection.tell_of_waits(lambda trouble: self._events.notice(WorkerTroubled(trouble)))
        opening.enter_context(servers_in_use(self._container.server_renderer()))
        beats = self._container.lease_connection()
        opening.callback(beats.close)
        for each in (connection, beats):
            each.hurry_when(self._waiting)
        self._watch = self._container.watch()
        opening.callback(self._watch.close)
        self._container.recovery().run()
        self._container.admission().begin()
        connection.hurry_when(lambda: self._stop.made)
        beats.hurry_when(lambda: False)

    def _thread(self, plan: SlotPlan) -> Thread:
        standing = StandingSlot(
            self._container.slot(environment=plan.environment),
            self._container.repository(),
            self._container.admission(),
            self._bell,
            self._container.clock(),
            self._events,
            Selection(kinds=plan.kinds),
        )
        requests = (self._stop, self._retire)
        return Thread(target=standing.run, args=requests, name=plan.name, daemon=True)

    def _recover(self) -> None:
        if self._container.recovery().run():
            self._bell.ring()

    def _safely(self, chore: Callable[[], None]) -> Callable[[], None]:
        """A chore that says what is wrong, once, and is tried again the next time."""
        told = ""

        def attempt() -> None:
            nonlocal told
            try:
                chore()
            except (RepositoryError, OSError) as error:
                trouble = str(error)
            except Exception as error:  # noqa: BLE001 - a chore that ends would be missed for ever
                where = what_and_where(error)
                trouble = f"a mistake in Media Generator, please report it: {where}"
            else:
                trouble = ""
            if trouble not in ("", told):
                self._events.notice(WorkerTroubled(trouble))
            told = trouble

        return attempt
