"""The port to the switches that survive a restart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class PausedBy(StrEnum):
    """Who paused the queue."""

    PERSON = "person"  # until a person resumes it
    ENVIRONMENT = "environment"  # until a probe succeeds


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing is claimed.

    Attributes:
        by: who paused.
        reason: one sentence.
        code: of the failure that opened the breaker, or "".
        since: UTC, as text.
        suspects: the prompts whose failures opened it.
    """

    by: PausedBy
    reason: str
    code: str
    since: str
    suspects: tuple[int, ...]


class QueueControls(Protocol):
    """Pausing and resuming. Raises RepositoryError when the database cannot be used."""

    def paused(self) -> Pause | None:
        """The pause that is in force."""
        ...

    def pause(self, by: PausedBy, reason: str, code: str, suspects: tuple[int, ...]) -> None:
        """Pause the queue. A person's pause is never replaced by the environment's.

        A pause of the environment for the same code goes on: ``since`` stays what it was.
        """
        ...

    def resume(self, by: PausedBy | None = None) -> bool:
        """End the pause; with ``by`` only one that was made so. Whether there was one."""
        ...
