"""A worker of the state machine: makes one step at a time, and dies when it must."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderKey
from domain.lease import LeaseObserver
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.lease import ProcessIdentity
    from domain.render import Claim
    from tests.contract.queue_machine_worlds import WorkerSession, World

LEASE = 30.0
LONGEST_GAP = 10.0


class Death(Enum):
    """When a worker dies within a step."""

    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()


class DeadError(Exception):
    """The worker has died, and its memory is lost."""


@dataclass
class Worker:
    """A slot in which one process runs after another.

    Attributes:
        owner: the current process.
        claims: those that it believes to hold, including stale ones, oldest first.
        adopted: the files that a claim may publish for another render, by render.
        dead: all processes that died, here and elsewhere.
    """

    world: World
    owner: ProcessIdentity
    dead: set[ProcessIdentity]
    claims: list[Claim] = field(default_factory=list)
    adopted: dict[int, tuple[str, ...]] = field(default_factory=dict)
    observer: LeaseObserver = field(default_factory=lambda: LeaseObserver(LEASE, LONGEST_GAP))
    _session: WorkerSession | None = None

    @property
    def session(self) -> WorkerSession:
        """The worker's connections, opened when first needed."""
        if self._session is None:
            self._session = self.world.session(self.owner)
        return self._session

    def close(self) -> None:
        """Close the connections; they are opened again when needed."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def holds(self, render_id: int) -> bool:
        """Whether this worker believes to hold a claim."""
        return any(claim.render_id == render_id for claim in self.claims)

    def die(self) -> None:
        """Replace the process by a new one without memory."""
        self.close()
        self.dead.add(self.owner)
        self.owner = replace(self.owner, pid=self.owner.pid + 10)
        self.claims, self.adopted = [], {}
        self.observer = LeaseObserver(LEASE, LONGEST_GAP)

    def try_to_die(self, death: Death | None, step: Callable[[], object]) -> None:
        """Die if the step says so, before a step that is one transaction.

        Raises:
            DeadError: the worker died, and the transaction was not committed.
        """
        if death is Death.BEFORE_COMMIT:
            self.session.die_before_commit(step)
            self.die()
            raise DeadError
        if death is Death.AFTER_COMMIT:
            self.session.commit_once()

    def die_now(self, death: Death | None) -> None:
        """Die if the step says so, after a step that the model has applied.

        Raises:
            DeadError: the worker died before it could use the answer.
        """
        if death is Death.AFTER_COMMIT:
            self.die()
            raise DeadError


def crew(world: World, size: int) -> list[Worker]:
    """Workers that share a database, each a separate process."""
    dead: set[ProcessIdentity] = set()
    return [Worker(world, replace(ME, pid=ME.pid + place), dead) for place in range(size)]


def trace_of(claim: Claim) -> RenderKey:
    """The key of a render's leftovers."""
    return RenderKey(claim.prompt_id, claim.render_id, claim.token)
