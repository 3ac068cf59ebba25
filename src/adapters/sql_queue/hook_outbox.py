"""The hook outbox in SQLite: written in the transaction that ends a render, read with leases."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.sql_queue.bookkeeping import has_outbox, prepare_outbox
from adapters.sql_queue.statements import storable_text
from application.ports.hooks import OutboxCounts
from domain.hook_delivery import HookDelivery, HookEvent, report_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.system import Clock
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.hook_delivery import Subscription
    from domain.render import Claim, LiveRender


class HookOutboxWriter:
    """Writes one message for each hook; the caller holds the transaction.

    Args:
        connection: connection to the database; the table is created if there are hooks.
        clock: wall clock for the time of the event.
        subscriptions: the hooks that are set.

    Raises:
        RepositoryError: the table cannot be created.
    """

    def __init__(
        self, connection: Connection, clock: Clock, subscriptions: Collection[Subscription]
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._channels = {
            event: sorted(hook.channel for hook in subscriptions if hook.event is event)
            for event in HookEvent
        }
        self._sql = connection.statements("hook_outbox")
        if subscriptions:
            prepare_outbox(connection)

    def published(self, claim: Claim, artifacts: Sequence[Artifact]) -> None:
        """Write the messages for a prompt that became ready.

        Raises:
            RepositoryError: they cannot be written.
        """
        if self._channels[HookEvent.PUBLISHED]:
            self._write(HookEvent.PUBLISHED, claim, report_of(claim.kind, artifacts))

    def failed(self, render: Claim | LiveRender, failure: Failure) -> None:
        """Write the messages for a prompt that ended in error.

        Raises:
            RepositoryError: they cannot be written.
        """
        if self._channels[HookEvent.ERROR]:
            self._write(HookEvent.ERROR, render, report_of(render.kind, failure=failure))

    def _write(
        self, event: HookEvent, render: Claim | LiveRender, report: dict[str, object]
    ) -> None:
        now = _timestamp(self._clock.now())
        for channel in self._channels[event]:
            self._connection.change(
                self._sql["insert"],
                {
                    "delivery_id": secrets.token_hex(12),
                    "event": event.value,
                    "channel": channel.value,
                    "prompt_id": render.prompt_id,
                    "render_id": render.render_id,
                    "report": json.dumps(report),
                    "created_at": now,
                },
            )


class SqlHookOutbox:
    """The hook outbox over a connection of its own; counting and pruning need no table.

    Each method raises RepositoryError if the database cannot be used.

    Args:
        connection: connection to the database, used by one thread at a time.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("hook_outbox")
        self._is_prepared = False

    def acquire(
        self,
        subscription: Subscription,
        now: datetime,
        until: datetime,
        latest: datetime | None = None,
    ) -> HookDelivery | None:
        """Lease the message for a hook that has been due for the longest time, if there is one."""
        if not self._is_prepared:
            prepare_outbox(self._connection)
            self._is_prepared = True
        values = {
            "event": subscription.event.value,
            "channel": subscription.channel.value,
            "now": _timestamp(now),
            "until": _timestamp(until),
            "latest": _timestamp(latest) if latest else None,
        }
        # A check that finds nothing, as nearly all do, never asks for the lock.
        if not self._connection.rows(self._sql["is_due"], values):
            return None
        with self._connection.writing():
            rows = self._connection.rows(self._sql["acquire"], values)
        if not rows:  # another relay was faster
            return None
        [(outbox_id, delivery_id, prompt_id, render_id, created_at, failures, report)] = rows
        return HookDelivery(
            outbox_id,
            delivery_id,
            subscription,
            prompt_id,
            render_id,
            datetime.fromisoformat(created_at),
            failures,
            until,
            json.loads(report),
        )

    def delivered(self, delivery: HookDelivery) -> None:
        """Delete a message that was delivered, even if its lease has ended."""
        with self._connection.writing():
            self._connection.change(self._sql["delivered"], {"notice_id": delivery.outbox_id})

    def release(self, delivery: HookDelivery, now: datetime) -> bool:
        """End the lease without an attempt; False if another holder has it now."""
        return self._change("release", delivery, now=_timestamp(now))

    def postpone(self, delivery: HookDelivery, next_try_at: datetime, error: str) -> bool:
        """Count a failed attempt, and set the next one; False if another holder has it now."""
        values = {"next_try_at": _timestamp(next_try_at), "error": storable_text(error)}
        return self._change("postpone", delivery, **values)

    def give_up(self, delivery: HookDelivery, now: datetime, error: str) -> bool:
        """Count a failed attempt, and never try again; False if another holder has it now."""
        return self._change("give_up", delivery, now=_timestamp(now), error=storable_text(error))

    def counts(self) -> OutboxCounts:
        """Number of messages in the outbox."""
        if not has_outbox(self._connection):
            return OutboxCounts(0, 0)
        [(waiting, given_up)] = self._connection.rows(self._sql["counts"])
        return OutboxCounts(waiting, given_up)

    def prune(self, before: datetime) -> int:
        """Delete messages written before a time, delivered or not; returns the number."""
        if not has_outbox(self._connection):
            return 0
        with self._connection.writing():
            return self._connection.change(self._sql["prune"], {"before": _timestamp(before)})

    def _change(self, name: str, delivery: HookDelivery, **values: str) -> bool:
        lease = {
            "notice_id": delivery.outbox_id,
            "leased_until": _timestamp(delivery.leased_until),
        }
        with self._connection.writing():
            return bool(self._connection.change(self._sql[name], {**lease, **values}))


def _timestamp(at: datetime) -> str:
    """A UTC time as text that sorts by time."""
    return at.isoformat(timespec="milliseconds")
