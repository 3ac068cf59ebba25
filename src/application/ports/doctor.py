"""The port through which the doctor checks parts of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.brief import Brief
    from domain.workflow_rules import WorkflowKey

PendingBriefs: TypeAlias = "Callable[[WorkflowKey], Sequence[tuple[int, Brief]]]"
"""Reads the ids and briefs of the first pending prompts of a workflow."""


class CheckStatus(StrEnum):
    """The result of a check, as JSON names it."""

    OK = "ok"  # as it must be
    WARNING = "warning"  # prompts are rendered, but something may need attention
    ERROR = "broken"  # prompts would not be rendered


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        subject: what was checked ("database", "image script").
        status: the result.
        finding: what was found, one sentence.
        remedy: instructions for fixing it, or "".
        command: a shell command that fixes it, or "" where no single one does.
        workflow: the only workflow that it concerns; None if it concerns others too.
        holds: whether it keeps the prompts of that workflow waiting, while others are rendered.
    """

    subject: str
    status: CheckStatus
    finding: str
    remedy: str = ""
    command: str = ""
    workflow: WorkflowKey | None = None
    holds: bool = False


class DoctorChecks(Protocol):
    """Checks one part of the installation without changing it."""

    def checks(self) -> Iterable[Check]:
        """The checks, each as soon as it is made; what they find is never raised."""
        ...
