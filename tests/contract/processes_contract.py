"""What whoever knows the processes of a machine promises."""

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
        """A process that runs."""

    @abstractmethod
    def end(self, owner: ProcessIdentity) -> None:
        """End one of these."""

    @abstractmethod
    def start_workflow(self) -> WorkflowProcess:
        """A process group whose leader started another member."""

    @abstractmethod
    def end_leader(self, workflow: WorkflowProcess) -> None:
        """End the leader alone."""

    @abstractmethod
    def runs(self, workflow: WorkflowProcess) -> bool:
        """Whether anything of a workflow runs."""


class ProcessesContract:
    """Subclass it, name the class ``Test...``, and give the two fixtures."""

    @pytest.fixture
    def machine(self) -> Machine:
        raise NotImplementedError

    @pytest.fixture
    def processes(self, machine: Machine) -> Processes:
        raise NotImplementedError

    def test_the_one_who_asks_is_alive(self, processes: Processes) -> None:
        """And is the same each time."""
        assert processes.me() == processes.me()
        assert processes.liveness_of(processes.me()) is Liveness.ALIVE

    def test_a_running_process_is_alive(self, processes: Processes, machine: Machine) -> None:
        """Another process of this machine is seen."""
        assert processes.liveness_of(machine.start()) is Liveness.ALIVE

    def test_an_ended_process_is_dead(self, processes: Processes, machine: Machine) -> None:
        """Nobody has its number now."""
        owner = machine.start()
        machine.end(owner)
        assert processes.liveness_of(owner) is Liveness.DEAD

    def test_a_stranger_with_the_number_is_not_the_owner(
        self, processes: Processes, machine: Machine
    ) -> None:
        """The time of the start tells them apart."""
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
    def test_what_is_elsewhere_is_judged_by_its_place(
        self, processes: Processes, machine: Machine, elsewhere: dict[str, Any], expected: Liveness
    ) -> None:
        """Another machine or container cannot be seen; a machine's last life is over.

        A machine is the same whatever it is called, until it is restarted.
        """
        owner = replace(machine.start(), **elsewhere)
        assert processes.liveness_of(owner) is expected

    def test_an_ended_process_is_dead_whatever_its_host_was_called(
        self, processes: Processes, machine: Machine
    ) -> None:
        """A laptop whose name follows the network."""
        owner = machine.start()
        machine.end(owner)
        assert processes.liveness_of(replace(owner, host="renamed")) is Liveness.DEAD

    def test_a_workflow_is_ended_with_everybody_in_its_group(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Its owner has died, nobody else will end it."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end(owner)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_a_workflow_is_ended_whatever_its_host_is_called_now(
        self, processes: Processes, machine: Machine
    ) -> None:
        """It is the same machine as long as it was not restarted."""
        owner, workflow = replace(machine.start(), host="renamed"), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_a_group_whose_leader_is_gone_is_ended(
        self, processes: Processes, machine: Machine
    ) -> None:
        """A grandchild holds on to the group's number."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end_leader(workflow)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert not machine.runs(workflow)

    def test_a_workflow_that_has_ended_is_ended(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Once more does no harm."""
        owner, workflow = machine.start(), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is Termination.ENDED
        assert processes.end_workflow(owner, workflow) is Termination.ENDED

    def test_a_stranger_with_the_groups_number_lives(
        self, processes: Processes, machine: Machine
    ) -> None:
        """What was recorded ended long ago (fault 6)."""
        owner, stranger = machine.start(), machine.start_workflow()
        recorded = replace(stranger, started="0")
        assert processes.end_workflow(owner, recorded) is Termination.ENDED
        assert machine.runs(stranger)

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
        """Nothing is killed; only of a machine's last life it is certain that it is over."""
        owner, workflow = replace(machine.start(), **elsewhere), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is expected
        assert machine.runs(workflow)

    def test_others_are_left_alone(self, processes: Processes, machine: Machine) -> None:
        """Ending one workflow touches no other one, and not its owner."""
        owner, one, other = machine.start(), machine.start_workflow(), machine.start_workflow()
        assert processes.end_workflow(owner, one) is Termination.ENDED
        assert machine.runs(other)
        assert processes.liveness_of(owner) is Liveness.ALIVE
