"""The port to the register of workers, which all machines share through the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from application.ports.live_state import WorkerView
    from domain.lease import ProcessIdentity
    from domain.prompt import Kind


@dataclass(frozen=True, slots=True)
class StoppedKind:
    """Why a worker renders nothing of a kind; a person's pause is not one of these.

    Attributes:
        kind: the kind of media; None for all that it renders.
        code: the failure's code.
        reason: in one or two sentences, for people.
    """

    kind: Kind | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerDescription:
    """What a worker says about itself.

    Attributes:
        identity: its process.
        command: "run" or "daemon".
        version: of Media Generator.
        slots: the most prompts that it renders at the same time.
        renderers: the names of the renderers of each kind that it renders, with commas between.
        stopped: the kinds that its environment keeps it from rendering.
        started_at: in UTC, by its own clock.
    """

    identity: ProcessIdentity
    command: str
    version: str
    slots: int
    renderers: Mapping[Kind, str]
    stopped: tuple[StoppedKind, ...]
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RegisteredWorker:
    """A worker of any machine.

    Attributes:
        description: what it said about itself when it was last seen.
        prompt_ids: the prompts that it renders, in the order of their claims.
        seen_at: in UTC, by the clock of the database.
        silent_seconds: time since then, by the same clock.
        is_gone: whether it has ended without a word, or been silent for too long.
    """

    description: WorkerDescription
    prompt_ids: tuple[int, ...]
    seen_at: datetime
    silent_seconds: float
    is_gone: bool


class WorkerRegister(Protocol):
    """Which workers there are. Every method raises RepositoryError if the database fails."""

    def register(self, worker: WorkerDescription) -> None:
        """Write down that a worker lives; forgets those that were not seen for a day."""
        ...

    def unregister(self, identity: ProcessIdentity) -> None:
        """Forget a worker that ends or has ended; an unknown one is no error."""
        ...

    def workers(self) -> Sequence[RegisteredWorker]:
        """The workers that were seen within a day, by machine; needs none of our tables."""
        ...


def total_slots(live: Iterable[WorkerView], registered: Iterable[RegisteredWorker]) -> int:
    """How many prompts the workers of all machines render at the same time.

    Args:
        live: the workers of this machine, which are known sooner than the register knows them.
        registered: the workers of all machines.
    """
    slots = {
        worker.description.identity: worker.description.slots
        for worker in registered
        if not worker.is_gone
    }
    return sum((slots | {worker.identity: worker.slots for worker in live}).values())
