"""Who holds a render: enough to tell a dead owner from a living one, and from a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, told apart from every other one that ever had its number.

    Attributes:
        host: name of the machine.
        boot: changes with each start of the machine; "" where the system does not tell.
        namespace: of process numbers (a container has its own); "" where there is only one.
        pid: its number.
        started: when it started, in the system's own unit; compared, never computed with.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str


class Fate(StrEnum):
    """What is known of a process."""

    ALIVE = "alive"  # it runs
    DEAD = "dead"  # it is certain that it does not
    UNKNOWN = "unknown"  # it cannot be seen from here; only its heartbeat tells


def fate(owner: ProcessIdentity, me: ProcessIdentity, started_now: str | None) -> Fate:
    """What became of an owner, judged from here.

    Args:
        owner: whose render it is.
        me: the process that asks.
        started_now: when the process that has the owner's number here now was started, or
            None when there is none.
    """
    if owner.host != me.host:
        return Fate.UNKNOWN
    if owner.boot != me.boot:
        return Fate.DEAD if owner.boot and me.boot else Fate.UNKNOWN
    if owner.namespace != me.namespace:
        return Fate.UNKNOWN
    return Fate.ALIVE if started_now == owner.started else Fate.DEAD
