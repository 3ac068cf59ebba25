"""The ports to hooks: the outbox that stores their messages, and the transport to a receiver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from domain.hook_delivery import HookDelivery, Subscription


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Number of messages in the outbox.

    Attributes:
        waiting: messages to deliver, for the first time or again.
        given_up: messages that are not tried any more.
    """

    waiting: int
    given_up: int


class HookOutbox(Protocol):
    """Messages for hooks, written in the transactions in which prompts ended.

    Each message is stored from that commit until it is delivered, also across restarts. Every
    method is one transaction. Safe to use from several threads and from several processes.

    Raises:
        RepositoryError: the database cannot be used (each method).
    """

    def acquire(
        self,
        subscription: Subscription,
        now: datetime,
        until: datetime,
        latest: datetime | None = None,
    ) -> HookDelivery | None:
        """Lease the message for a hook that has been due for the longest time, if there is one.

        Args:
            subscription: the hook.
            now: the present (UTC).
            until: end of the lease (UTC). If its holder dies before, the message is due then.
            latest: the latest time that a message may wait for (UTC). A later one was written
                while the clock ran ahead, and counts as due. None for no limit.
        """
        ...

    def delivered(self, delivery: HookDelivery) -> None:
        """Delete a message that was delivered, even if its lease has ended."""
        ...

    def release(self, delivery: HookDelivery, now: datetime) -> bool:
        """End the lease without an attempt: the message is due at once. Returns as ``postpone``."""
        ...

    def postpone(self, delivery: HookDelivery, next_try_at: datetime, error: str) -> bool:
        """Count a failed attempt, and set the time of the next one (UTC).

        Returns:
            False, with nothing written, if another holder acquired the message in the meantime.
        """
        ...

    def give_up(self, delivery: HookDelivery, now: datetime, error: str) -> bool:
        """Count a failed attempt, and never try again. Returns as ``postpone``."""
        ...

    def counts(self) -> OutboxCounts:
        """Number of messages in the outbox."""
        ...

    def prune(self, before: datetime) -> int:
        """Delete messages written before a time (UTC), delivered or not; returns the number."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """Why a delivery failed.

    Attributes:
        reason: one sentence for the person who maintains the hook, without its address.
        permanent: whether the receiver asked not to be tried again.
    """

    reason: str
    permanent: bool = False


class HookTransport(Protocol):
    """Delivers messages to one hook."""

    def send(
        self, delivery_id: str, body: bytes, remaining: Callable[[], float]
    ) -> DeliveryFailure | None:
        """Deliver a message, and wait for the answer.

        Args:
            delivery_id: unique id of the message.
            body: the payload, JSON in UTF-8.
            remaining: seconds left for this delivery. They may drop to zero at any moment; the
                delivery then fails within a second.

        Returns:
            None if it was delivered.
        """
        ...
