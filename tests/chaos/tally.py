"""Counts of what a fault led to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Tally:
    """The cycles of one fault.

    Attributes:
        cycles: how often it was tried.
        with_kill: cycles in which a process died by SIGKILL.
        kills: processes that did.
        survived: cycles without a violation.
        seconds: they took.
        violations: messages of the violations.
    """

    cycles: int = 0
    with_kill: int = 0
    kills: int = 0
    survived: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def count(self, deaths: int, violations: Sequence[str], seconds: float) -> None:
        """Add one cycle."""
        self.cycles += 1
        self.with_kill += deaths > 0
        self.kills += deaths
        self.survived += not violations
        self.seconds += seconds
        self.violations += violations

    def add(self, other: Tally) -> None:
        """Add the cycles of another campaign."""
        self.cycles += other.cycles
        self.with_kill += other.with_kill
        self.kills += other.kills
        self.survived += other.survived
        self.seconds += other.seconds
        self.violations += other.violations
