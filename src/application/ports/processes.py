"""The port to the processes of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.render import WorkflowProcess
    from domain.worker import Fate, ProcessIdentity


class Processes(Protocol):
    """Who runs here."""

    def me(self) -> ProcessIdentity:
        """This process."""
        ...

    def fate_of(self, owner: ProcessIdentity) -> Fate:
        """What became of a process."""
        ...

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> bool:
        """Kill a process group whose owner is lost, if it is still the one that was recorded.

        Returns:
            Whether it is certain that nothing of it runs any more; a stranger that got the
            number is left alone and counts as certainty.
        """
        ...
