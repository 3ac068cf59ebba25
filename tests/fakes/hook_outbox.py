"""The hook outbox in memory: written when prompts end, delivered later."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from application.ports.hooks import OutboxCounts
from domain.hook_delivery import HookDelivery, HookEvent, report_of
from tests.fakes.database import DeliveryRow, transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from application.ports.system import Clock
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.hook_delivery import Subscription
    from tests.fakes.database import InMemoryDatabase, RenderRow


class InMemoryHookOutboxWriter:
    """Writes one message for each hook; the caller holds the lock."""

    def __init__(
        self, database: InMemoryDatabase, clock: Clock, subscriptions: Collection[Subscription]
    ) -> None:
        self._database = database
        self._clock = clock
        self._subscriptions = tuple(subscriptions)

    def published(self, render: RenderRow, artifacts: Sequence[Artifact]) -> None:
        """Write the messages for a prompt that became ready."""
        self._write(HookEvent.PUBLISHED, render, report_of(render.kind, artifacts))

    def failed(self, render: RenderRow, failure: Failure) -> None:
        """Write the messages for a prompt that ended in error."""
        self._write(HookEvent.ERROR, render, report_of(render.kind, failure=failure))

    def _write(self, event: HookEvent, render: RenderRow, report: dict[str, object]) -> None:
        now = self._clock.now()
        for subscription in self._subscriptions:
            if subscription.event is event:
                self._database.last_delivery += 1
                outbox_id = self._database.last_delivery
                self._database.deliveries[outbox_id] = DeliveryRow(
                    HookDelivery(
                        outbox_id,
                        secrets.token_hex(12),
                        subscription,
                        render.prompt_id,
                        render.render_id,
                        now,
                        0,
                        now,
                        report,
                    )
                )


class InMemoryHookOutbox:
    """A hook outbox without a file. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self.database = database

    @transaction
    def acquire(
        self,
        subscription: Subscription,
        now: datetime,
        until: datetime,
        latest: datetime | None = None,
    ) -> HookDelivery | None:
        """Lease the message for a hook that has been due for the longest time, if there is one."""
        waiting = [
            row.delivery
            for row in self.database.deliveries.values()
            if row.delivery.subscription == subscription and not row.given_up
        ]
        due = [
            delivery
            for delivery in waiting
            if delivery.leased_until <= now or (latest and delivery.leased_until > latest)
        ]
        if not due:
            return None
        oldest = min(due, key=lambda delivery: (delivery.leased_until, delivery.outbox_id))
        acquired = replace(oldest, leased_until=until)
        self._write(acquired)
        return acquired

    @transaction
    def delivered(self, delivery: HookDelivery) -> None:
        """Delete a message that was delivered, even if its lease has ended."""
        self.database.deliveries.pop(delivery.outbox_id, None)

    @transaction
    def release(self, delivery: HookDelivery, now: datetime) -> bool:
        """End the lease without an attempt; False if another holder has it now."""
        if not self._is_leased(delivery):
            return False
        self._write(replace(delivery, leased_until=now))
        return True

    @transaction
    def postpone(self, delivery: HookDelivery, next_try_at: datetime, error: str) -> bool:
        """Count a failed attempt, and set the next one; False if another holder has it now."""
        return self._count(delivery, next_try_at, error, given_up=False)

    @transaction
    def give_up(self, delivery: HookDelivery, now: datetime, error: str) -> bool:
        """Count a failed attempt, and never try again; False if another holder has it now."""
        return self._count(delivery, now, error, given_up=True)

    @transaction
    def counts(self) -> OutboxCounts:
        """Number of messages in the outbox."""
        given_up = sum(row.given_up for row in self.database.deliveries.values())
        return OutboxCounts(len(self.database.deliveries) - given_up, given_up)

    @transaction
    def prune(self, before: datetime) -> int:
        """Delete messages written before a time, delivered or not; returns the number."""
        rows = self.database.deliveries
        old = [number for number, row in rows.items() if row.delivery.occurred_at < before]
        for number in old:
            del rows[number]
        return len(old)

    def _is_leased(self, delivery: HookDelivery) -> bool:
        row = self.database.deliveries.get(delivery.outbox_id)
        return row is not None and not row.given_up and row.delivery == delivery

    def _count(self, delivery: HookDelivery, due: datetime, error: str, *, given_up: bool) -> bool:
        if not self._is_leased(delivery):
            return False
        attempts = delivery.failed_attempts + 1
        failed = replace(delivery, failed_attempts=attempts, leased_until=due)
        self._write(failed, given_up=given_up, last_error=error)
        return True

    def _write(
        self, delivery: HookDelivery, *, given_up: bool = False, last_error: str | None = None
    ) -> None:
        self.database.deliveries[delivery.outbox_id] = DeliveryRow(delivery, given_up, last_error)
