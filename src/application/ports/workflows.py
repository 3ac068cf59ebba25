"""The port to what the database knows about named workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from domain.render import Claim
    from domain.workflow_rules import WorkflowChoice


@dataclass(frozen=True, slots=True)
class PromptHints:
    """What decides about the workflow of a prompt besides its brief.

    Attributes:
        config_name: the value of ``prompts.config_name``; None without one.
        chosen: the name that a person or a program chose; None if none was.
    """

    config_name: str | None = None
    chosen: str | None = None


class WorkflowRecords(Protocol):
    """Which workflow was chosen for a prompt, and which rendered it.

    Every method raises RepositoryError if the database cannot be used.
    """

    def hints(self, prompt_ids: Collection[int]) -> Mapping[int, PromptHints]:
        """What decides about the workflow of each of these prompts besides its brief."""
        ...

    def record(self, claim: Claim, variant: int, choice: WorkflowChoice) -> None:
        """Record the workflow of a live render before it begins.

        Args:
            claim: of the render.
            variant: number of the writing, counted from 1.
            choice: the workflow, and why.
        """
        ...

    def names(self, prompt_ids: Collection[int]) -> Mapping[int, str]:
        """The workflow that rendered each of these prompts last, for those that have a record."""
        ...

    def rendered_with(self, prompt_id: int) -> Sequence[WorkflowChoice]:
        """The workflow of each writing in the newest render of a prompt that has a record."""
        ...
