"""The port through which parts of the installation say whether they are well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Health(StrEnum):
    """How a check ended."""

    WELL = "ok"  # as it must be
    WARNING = "warning"  # the main job runs, but something deserves a look
    BROKEN = "broken"  # the main job would stop


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist.

    Attributes:
        subject: what was looked at ("database", "image script").
        health: how it is.
        finding: what was found, one sentence.
        remedy: what to do about it, or "".
    """

    subject: str
    health: Health
    finding: str
    remedy: str = ""


class HealthProbe(Protocol):
    """Something that can be examined without changing it."""

    def checks(self) -> Iterable[Check]:
        """Examine; never raises for what is found."""
        ...
