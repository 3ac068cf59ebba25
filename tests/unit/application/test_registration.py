"""A worker's entry in the register: when it is written, and its content."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from application.ports.live_state import GateView, UnavailableKind, WorkerView
from application.ports.prompt_repository import RepositoryError
from application.ports.workers import RegisteredWorker, StoppedKind, WorkerDescription
from application.registration import INTERVAL, Registration
from domain.lease import ProcessIdentity
from domain.prompt import Kind
from tests.fakes.system import FakeProcesses, ManualClock


class _Register:
    """A register that records each entry."""

    def __init__(self) -> None:
        self.written: list[WorkerDescription] = []
        self.forgotten: list[ProcessIdentity] = []
        self.known: tuple[RegisteredWorker, ...] = ()
        self.is_away = False

    def register(self, worker: WorkerDescription) -> None:
        if self.is_away:
            raise RepositoryError("away")
        self.written.append(worker)

    def unregister(self, identity: ProcessIdentity) -> None:
        self.forgotten.append(identity)

    def workers(self) -> tuple[RegisteredWorker, ...]:
        return self.known


class _World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.processes = FakeProcesses()
        self.register = _Register()
        self.view = WorkerView(
            self.processes.me(), "daemon", 2, self.clock.now(), self.clock.now(), (), (), GateView()
        )
        self.registration = Registration(
            self.register,
            self.processes,
            lambda _: self.view,
            {Kind.IMAGE: "sketch"},
            "0.2.0",
            self.clock,
        )


def test_a_heartbeat_is_written_at_intervals_and_a_change_at_once() -> None:
    """An idle worker writes little."""
    world = _World()
    world.registration.tick()
    world.clock.advance(INTERVAL - 1)
    world.registration.tick()
    assert len(world.register.written) == 1
    world.view = replace(world.view, slots=3)
    world.registration.tick()
    assert [worker.slots for worker in world.register.written] == [2, 3]
    world.clock.advance(INTERVAL)
    world.registration.tick()
    assert len(world.register.written) == 3


def test_the_entry_names_stops_by_the_environment_but_no_pause_by_a_user() -> None:
    """A user's pause applies to all workers anyway."""
    world = _World()
    broken = UnavailableKind(Kind.AUDIO, "script_missing", "There is no script.", "Add it.")
    world.view = replace(world.view, gate=GateView("environment", "disk_full", "Full.", (broken,)))
    world.registration.tick()
    world.view = replace(world.view, gate=GateView("person", "", "Holidays."))
    world.registration.tick()
    assert [worker.stopped for worker in world.register.written] == [
        (
            StoppedKind(Kind.AUDIO, "script_missing", "There is no script."),
            StoppedKind(None, "disk_full", "Full."),
        ),
        (),
    ]


def test_only_entries_of_dead_predecessors_are_removed() -> None:
    """Only processes that have certainly ended count as dead."""
    world = _World()
    me = world.processes.me()
    dead = replace(me, pid=me.pid + 1, started="other")
    elsewhere = ProcessIdentity("gpu2", "another boot", me.namespace, 7, "1")
    world.register.known = tuple(
        RegisteredWorker(
            WorkerDescription(identity, "daemon", "0.2.0", 1, {}, (), world.clock.now()),
            (),
            datetime(2026, 1, 6, tzinfo=UTC),
            0.0,
            is_gone=False,
        )
        for identity in (dead, elsewhere)
    )
    world.registration.tick()
    assert world.register.forgotten == [dead]
    world.registration.close()
    assert world.register.forgotten == [dead, me]


def test_an_unreachable_database_neither_fails_nor_delays_the_worker() -> None:
    """The worker's entry looks stale until the database is back."""
    world = _World()
    world.register.is_away = True
    world.registration.tick()
    world.registration.close()
    assert not world.register.forgotten
