"""A worker of the machine: one step at a time, told to the model, and dead when it must be."""

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
    from tests.contract.queue_machine_worlds import Hands, World

LEASE = 30.0
LONGEST_GAP = 10.0


class Death(Enum):
    """When a worker dies within a step."""

    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()


class DeadError(Exception):
    """The worker cannot go on; what it knew is gone."""


@dataclass
class Worker:
    """A place where one process after the other works.

    Attributes:
        owner: the process that works there now.
        claims: those that it believes to hold, stale ones among them, oldest first.
        adopted: the files that a claim may publish, by render, where others placed them.
        dead: all processes that died, here and elsewhere.
    """

    world: World
    owner: ProcessIdentity
    dead: set[ProcessIdentity]
    claims: list[Claim] = field(default_factory=list)
    adopted: dict[int, tuple[str, ...]] = field(default_factory=dict)
    observer: LeaseObserver = field(default_factory=lambda: LeaseObserver(LEASE, LONGEST_GAP))
    _hands: Hands | None = None

    @property
    def hands(self) -> Hands:
        """Opened when first needed."""
        if self._hands is None:
            self._hands = self.world.hands(self.owner)
        return self._hands

    def close(self) -> None:
        """Let go of the database, and go on later."""
        if self._hands is not None:
            self._hands.close()
        self._hands = None

    def holds(self, render_id: int) -> bool:
        """Whether this worker believes so."""
        return any(claim.render_id == render_id for claim in self.claims)

    def die(self) -> None:
        """Another process begins here, and knows nothing."""
        self.close()
        self.dead.add(self.owner)
        self.owner = replace(self.owner, pid=self.owner.pid + 10)
        self.claims, self.adopted = [], {}
        self.observer = LeaseObserver(LEASE, LONGEST_GAP)

    def try_to_die(self, death: Death | None, step: Callable[[], object]) -> None:
        """Before a step that is to be one transaction.

        Raises:
            DeadError: the worker died in it, and nothing came of it.
        """
        if death is Death.BEFORE_COMMIT:
            self.hands.die_before_commit(step)
            self.die()
            raise DeadError
        if death is Death.AFTER_COMMIT:
            self.hands.commit_once()

    def die_now(self, death: Death | None) -> None:
        """After a step that the model was told of.

        Raises:
            DeadError: the worker died before it could do anything with the answer.
        """
        if death is Death.AFTER_COMMIT:
            self.die()
            raise DeadError


def crew(world: World, size: int) -> list[Worker]:
    """Workers that share a database, each a process of its own."""
    dead: set[ProcessIdentity] = set()
    return [Worker(world, replace(ME, pid=ME.pid + place), dead) for place in range(size)]


def trace_of(claim: Claim) -> RenderKey:
    """What names a render's leftovers."""
    return RenderKey(claim.prompt_id, claim.render_id, claim.token)
