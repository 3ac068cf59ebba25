"""The port to the notices that hooks are still to get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from domain.notice import Notice, Subscription


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """How many notices there are.

    Attributes:
        waiting: to be delivered, or tried again.
        given_up: that nobody will deliver any more.
    """

    waiting: int
    given_up: int


class Notices(Protocol):
    """What was written down in the very transactions in which prompts ended.

    Each notice is there from the commit on until it is delivered, also over a restart. Every
    method is one transaction, and raises RepositoryError when the database cannot be used.
    Safe to use from several threads and from several processes.
    """

    def take(self, subscription: Subscription, now: datetime, until: datetime) -> Notice | None:
        """The notice for a hook that has been due for the longest time, or None.

        Until then nobody else gets it; if it is neither delivered nor given back by then, since
        whoever took it died, it is due again.
        """
        ...

    def delivered(self, notice: Notice) -> None:
        """Forget a notice."""
        ...

    def release(self, notice: Notice, now: datetime) -> bool:
        """Give a notice back untried: it is due at once. False as for postpone."""
        ...

    def postpone(self, notice: Notice, next_try_at: datetime, error: str) -> bool:
        """Count a failed try, and let the notice be due at that time.

        False, and nothing written, when somebody else took it meanwhile.
        """
        ...

    def give_up(self, notice: Notice, now: datetime, error: str) -> bool:
        """Count a failed try, and let the notice never be due again. False as for postpone."""
        ...

    def counts(self) -> NoticeCounts:
        """How many there are."""
        ...

    def forget(self, before: datetime) -> int:
        """Remove what was written down before that time, delivered or not; gives the number."""
        ...
