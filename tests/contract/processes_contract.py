"""What whoever knows the processes of a machine promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.worker import Fate

if TYPE_CHECKING:
    from application.ports.processes import Processes
    from domain.render import WorkflowProcess
    from domain.worker import ProcessIdentity


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
        assert processes.fate_of(processes.me()) is Fate.ALIVE

    def test_a_running_process_is_alive(self, processes: Processes, machine: Machine) -> None:
        """Another process of this machine is seen."""
        assert processes.fate_of(machine.start()) is Fate.ALIVE

    def test_an_ended_process_is_dead(self, processes: Processes, machine: Machine) -> None:
        """Nobody has its number now."""
        owner = machine.start()
        machine.end(owner)
        assert processes.fate_of(owner) is Fate.DEAD

    def test_a_stranger_with_the_number_is_not_the_owner(
        self, processes: Processes, machine: Machine
    ) -> None:
        """The time of the start tells them apart."""
        owner = replace(machine.start(), started="0")
        assert processes.fate_of(owner) is Fate.DEAD

    @pytest.mark.parametrize(
        ("elsewhere", "expected"),
        [
            ({"host": "elsewhere"}, Fate.UNKNOWN),
            ({"namespace": "pid:[1]"}, Fate.UNKNOWN),
            ({"boot": "another"}, Fate.DEAD),
            ({"boot": ""}, Fate.UNKNOWN),
        ],
    )
    def test_what_is_elsewhere_is_judged_by_its_place(
        self, processes: Processes, machine: Machine, elsewhere: dict[str, Any], expected: Fate
    ) -> None:
        """Another machine or container cannot be seen; a machine's last life is over."""
        owner = replace(machine.start(), **elsewhere)
        assert processes.fate_of(owner) is expected

    def test_a_workflow_is_ended_with_everybody_in_its_group(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Its owner has died, nobody else will end it."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end(owner)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow)
        assert not machine.runs(workflow)

    def test_a_group_whose_leader_is_gone_is_ended(
        self, processes: Processes, machine: Machine
    ) -> None:
        """A grandchild holds on to the group's number."""
        owner, workflow = machine.start(), machine.start_workflow()
        machine.end_leader(workflow)
        assert machine.runs(workflow)
        assert processes.end_workflow(owner, workflow)
        assert not machine.runs(workflow)

    def test_a_workflow_that_has_ended_is_ended(
        self, processes: Processes, machine: Machine
    ) -> None:
        """Once more does no harm."""
        owner, workflow = machine.start(), machine.start_workflow()
        assert processes.end_workflow(owner, workflow)
        assert processes.end_workflow(owner, workflow)

    def test_a_stranger_with_the_groups_number_lives(
        self, processes: Processes, machine: Machine
    ) -> None:
        """What was recorded ended long ago (fault 6)."""
        owner, stranger = machine.start(), machine.start_workflow()
        assert processes.end_workflow(owner, replace(stranger, started="0"))
        assert machine.runs(stranger)

    @pytest.mark.parametrize(
        ("elsewhere", "certain"),
        [
            ({"host": "elsewhere"}, False),
            ({"namespace": "pid:[1]"}, False),
            ({"boot": ""}, False),
            ({"boot": "another"}, True),
        ],
    )
    def test_numbers_from_elsewhere_mean_nothing_here(
        self, processes: Processes, machine: Machine, elsewhere: dict[str, Any], *, certain: bool
    ) -> None:
        """Nothing is killed; only of a machine's last life it is certain that it is over."""
        owner, workflow = replace(machine.start(), **elsewhere), machine.start_workflow()
        assert processes.end_workflow(owner, workflow) is certain
        assert machine.runs(workflow)

    def test_others_are_left_alone(self, processes: Processes, machine: Machine) -> None:
        """Ending one workflow touches no other one, and not its owner."""
        owner, one, other = machine.start(), machine.start_workflow(), machine.start_workflow()
        assert processes.end_workflow(owner, one)
        assert machine.runs(other)
        assert processes.fate_of(owner) is Fate.ALIVE
