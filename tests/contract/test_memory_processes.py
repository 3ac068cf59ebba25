"""Contract tests of the fake processes, and of their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.lease import Liveness, Termination
from tests.contract.processes_contract import Machine, ProcessesContract
from tests.fakes.system import FakeProcesses

if TYPE_CHECKING:
    from domain.lease import ProcessIdentity
    from domain.render import WorkflowProcess


class FakeMachine(Machine):
    def __init__(self) -> None:
        self.processes = FakeProcesses()

    def start(self) -> ProcessIdentity:
        return self.processes.start()

    def end(self, owner: ProcessIdentity) -> None:
        self.processes.end(owner.pid)

    def start_workflow(self) -> WorkflowProcess:
        return self.processes.start_workflow()

    def end_leader(self, workflow: WorkflowProcess) -> None:
        self.processes.end(workflow.group)

    def runs(self, workflow: WorkflowProcess) -> bool:
        return self.processes.runs(workflow)


class TestFakeProcesses(ProcessesContract):
    @pytest.fixture
    def machine(self) -> FakeMachine:
        return FakeMachine()

    @pytest.fixture
    def processes(self, machine: FakeMachine) -> FakeProcesses:
        return machine.processes


def test_kills_are_recorded_and_can_fail() -> None:
    """Only successful kills are recorded."""
    fake = FakeProcesses()
    owner, one, other = fake.start(), fake.start_workflow(), fake.start_workflow()
    fake.unkillable.add(other.group)
    assert fake.end_workflow(owner, one) is Termination.ENDED
    assert fake.end_workflow(owner, one) is Termination.ENDED
    assert fake.end_workflow(owner, other) is Termination.ALIVE
    assert fake.killed == [one]
    assert fake.runs(other)


def test_a_number_can_be_used_again() -> None:
    """By a different process, whatever group had the number before."""
    fake = FakeProcesses()
    owner, workflow = fake.start(), fake.start_workflow()
    other = fake.start(workflow.group)
    assert fake.end_workflow(owner, workflow) is Termination.ENDED
    assert fake.killed == []
    assert fake.liveness_of(other) is Liveness.ALIVE
