"""A worker's entry in the register: when it is written, and what it says."""

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
    """Remembers what is written."""

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


def test_a_sign_of_life_is_written_at_intervals_and_a_change_at_once() -> None:
    """So that an idle worker writes little."""
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


def test_what_the_environment_stops_is_said_and_a_persons_pause_is_not() -> None:
    """That one is in force everywhere."""
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


def test_entries_of_dead_predecessors_go_and_others_stay() -> None:
    """Only processes that certainly ended."""
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


def test_a_database_that_is_away_is_no_error_and_is_not_waited_for_at_the_end() -> None:
    """The entry shows as gone then."""
    world = _World()
    world.register.is_away = True
    world.registration.tick()
    world.registration.close()
    assert not world.register.forgotten
