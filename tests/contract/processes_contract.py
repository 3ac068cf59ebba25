"""Contract of the port for the processes of a machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.lease import Liveness, Termination

if TYPE_CHECKING:
    from application.ports.system import Processes
    from domain.lease import ProcessIdentity
    from domain.render import WorkflowProcess


class Machine(ABC):
    """Starts and ends processes without the adapter under test."""

    @abstractmethod
    def start(self) -> ProcessIdentity:
        """Start a process."""

    @abstractmethod
    def end(self, owner: ProcessIdentity) -> None:
        """End a process started here."""

    @abstractmethod
    def start_workflow(self) -> WorkflowProcess:
        """Start a process group whose leader has a child."""

    @abstractmethod
    def end_leader(self, workflow: WorkflowProcess) -> None:
        """End only the leader."""

    @abstractmethod
    def runs(self, workflow: WorkflowProcess) -> bool:
        """Whether any process of a workflow runs."""


class ProcessesContract:
    """The contract; a subclass named ``Test...`` supplies the two fixtures."""

    @pytest.fixture
    def machine(self) -> Machine:
        raise NotImplementedError

    @pytest.fixture
    def processes(self, machine: Machine) -> Processes:
        raise NotImplementedError

    def test_this_process_is_alive(self, processes: Processes) -> None:
        """With the same identity each time."""
        assert processes.me() == processes.me()
        assert processes.liveness_of(processes.me()) is Liveness.ALIVE

    def test_a_running_process_is_alive(self, processes: Processes, machine: Machine) -> None:
        """Another process of this machine is visible."""
        assert processes.liveness_of(machine.start()) is Liveness.ALIVE

    def test_an_ended_process_is_dead(self, processes: Processes, machine: Machine) -> None:
        """No process has its number now."""
        owner = machine.start()
        machine.end(owner)
        assert processes.liveness_of(owner) is Liveness.DEAD

    def test_another_process_with_the_same_number_is_not_the_owner(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Their start times differ."""
        owner = replace(machine.start(), started="0")
        assert processes.liveness_of(owner) is Liveness.DEAD

    @pytest.mark.parametrize(
        ("elsewhere", "expected"),
        [
            ({"host": "renamed"}, Liveness.ALIVE),
            ({"host": "elsewhere", "boot": "another"}, Liveness.UNKNOWN),
            ({"namespace": "pid:[1]"}, Liveness.UNKNOWN),
            ({"host": "renamed", "namespace": "pid:[1]"}, Liveness.UNKNOWN),
            ({"boot": "another"}, Liveness.DEAD),
            ({"boot": "another", "namespace": "pid:[1]"}, Liveness.UNKNOWN),
            ({"boot": ""}, Liveness.UNKNOWN),
        ],
    )
    def test_a_process_elsewhere_is_judged_by_its_machine(
        self, processes: Processes, machine: Machine, elsewhere: dict[str, Any], expected: Liveness
    ) -> None:
        """Processes of other machines or containers are unknown; those of an earlier boot are dead.

        A machine stays the same under any name until it is restarted.
        """
        owner = replace(machine.start(), **elsewhere)
        assert processes.liveness_of(owner) is expected

    def test_an_ended_process_is_dead_whatever_its_host_was_called(
        self, processes: Processes, machine: Machine
    ) -> None:
        """The name of a laptop may follow the network."""
        owner = machine.start()
        machine.end(owner)
        assert processes.liveness_of(replace(owner, host="renamed")) is Liveness.DEAD

    def test_a_workflow_is_killed_with_its_whole_group(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Its owner has died, and no other process will end it."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end(owner)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_a_workflow_is_ended_whatever_its_host_is_called_now(
        self, processes: Processes, machine: Machine
    ) -> None:
        """It is the same machine until it is restarted."""
        owner, workflow = replace(machine.start(), host="renamed"), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_a_group_whose_leader_is_gone_is_ended(
        self, processes: Processes, machine: Machine
    ) -> None:
        """A grandchild keeps the number of the group in use."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end_leader(workflow)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_killing_a_workflow_twice_does_no_harm(
        self, processes: Processes, machine: Machine
    ) -> None:
        """The second call reports that it has ended."""
        owner, workflow = machine.start(), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert processes.end_workflow(owner, workflow) is Termination.ENDED

    def test_another_group_with_the_same_number_is_not_killed(
        self, processes: Processes, machine: Machine
    ) -> None:
        """The recorded group ended long ago."""
        owner, other = machine.start(), machine.start_workflow()
        recorded = replace(other, started="0")
        assert processes.end_workflow(owner, recorded) is Termination.ENDED
        assert machine.runs(other)

    @pytest.mark.parametrize(
        ("elsewhere", "expected"),
        [
            ({"host": "elsewhere", "boot": "another"}, Termination.OUT_OF_SIGHT),
            ({"namespace": "pid:[1]"}, Termination.OUT_OF_SIGHT),
            ({"host": "renamed", "namespace": "pid:[1]"}, Termination.OUT_OF_SIGHT),
            ({"boot": ""}, Termination.OUT_OF_SIGHT),
            ({"boot": "another"}, Termination.ENDED),
        ],
    )
    def test_numbers_from_elsewhere_mean_nothing_here(
        self,
        processes: Processes,
        machine: Machine,
        elsewhere: dict[str, Any],
        expected: Termination,
    ) -> None:
        """Nothing is killed; only a process of an earlier boot has certainly ended."""
        owner, workflow = replace(machine.start(), **elsewhere), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is expected
        assert machine.runs(workflow)

    def test_other_processes_are_left_alone(self, processes: Processes, machine: Machine) -> None:
        """Ending one workflow affects neither another one nor its owner."""
        owner, one, other = machine.start(), machine.start_workflow(), machine.start_workflow()
        assert processes.end_workflow(owner, one) is Termination.ENDED
        assert machine.runs(other)
        assert processes.liveness_of(owner) is Liveness.ALIVE
