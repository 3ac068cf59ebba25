"""The checklist: every part of the installation says how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from application.ports.health import Check, Health, HealthProbe


def examine(probes: Iterable[HealthProbe]) -> Iterator[Check]:
    """Each finding as soon as it is made; a probe is asked when the one before is done."""
    for probe in probes:
        yield from probe.checks()


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known before anything is examined: a probe whose answers are given.

    Attributes:
        given: the answers.
    """

    given: tuple[Check, ...]

    def checks(self) -> Sequence[Check]:
        """The answers."""
        return self.given


def count(checks: Iterable[Check], health: Health) -> int:
    """How many checks ended in one way."""
    return sum(check.health is health for check in checks)
