"""The notices in memory: written down with the ends of prompts, delivered later."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from application.ports.notices import NoticeCounts
from domain.notice import Notice, NoticeEvent, report_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from adapters.memory.database import InMemoryDatabase, RenderRow
    from application.ports.clock import Clock
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.notice import Subscription


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A row of ``media_generator_notices``; the lease of its notice is when it is due."""

    notice: Notice
    given_up: bool = False
    last_error: str | None = None


class InMemoryOutbox:
    """Writes notices for those hooks that there are; whoever calls it holds the lock."""

    def __init__(
        self, database: InMemoryDatabase, clock: Clock, subscriptions: Collection[Subscription]
    ) -> None:
        self._database = database
        self._clock = clock
        self._subscriptions = tuple(subscriptions)

    def published(self, render: RenderRow, artifacts: Sequence[Artifact]) -> None:
        """A prompt became ready."""
        self._post(NoticeEvent.PUBLISHED, render, report_of(render.kind, artifacts))

    def failed(self, render: RenderRow, failure: Failure) -> None:
        """A prompt ended in error."""
        self._post(NoticeEvent.ERROR, render, report_of(render.kind, failure=failure))

    def _post(self, event: NoticeEvent, render: RenderRow, report: dict[str, object]) -> None:
        now = self._clock.now()
        for subscription in self._subscriptions:
            if subscription.event is event:
                self._database.last_notice += 1
                number = self._database.last_notice
                self._database.notices[number] = NoticeRow(
                    Notice(
                        number,
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


class InMemoryNotices:
    """Keeps the promises of the port without a file. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self.database = database

    @transaction
    def take(self, subscription: Subscription, now: datetime, until: datetime) -> Notice | None:
        """The notice for a hook that has been due for the longest time, or None."""
        due = [
            row.notice
            for row in self.database.notices.values()
            if row.notice.subscription == subscription
            and not row.given_up
            and row.notice.leased_until <= now
        ]
        if not due:
            return None
        oldest = min(due, key=lambda notice: (notice.leased_until, notice.notice_id))
        taken = replace(oldest, leased_until=until)
        self._write(taken)
        return taken

    @transaction
    def delivered(self, notice: Notice) -> None:
        """Forget a notice."""
        self.database.notices.pop(notice.notice_id, None)

    @transaction
    def release(self, notice: Notice, now: datetime) -> bool:
        """Give a notice back untried: it is due at once. False as for postpone."""
        if not self._is_ours(notice):
            return False
        self._write(replace(notice, leased_until=now))
        return True

    @transaction
    def postpone(self, notice: Notice, next_try_at: datetime, error: str) -> bool:
        """Count a failed try, and let the notice be due at that time."""
        return self._count(notice, next_try_at, error, given_up=False)

    @transaction
    def give_up(self, notice: Notice, now: datetime, error: str) -> bool:
        """Count a failed try, and let the notice never be due again. False as for postpone."""
        return self._count(notice, now, error, given_up=True)

    @transaction
    def counts(self) -> NoticeCounts:
        """How many there are."""
        given_up = sum(row.given_up for row in self.database.notices.values())
        return NoticeCounts(len(self.database.notices) - given_up, given_up)

    @transaction
    def forget(self, before: datetime) -> int:
        """Remove what was written down before that time, delivered or not; gives the number."""
        old = [n for n, row in self.database.notices.items() if row.notice.occurred_at < before]
        for number in old:
            del self.database.notices[number]
        return len(old)

    def _is_ours(self, notice: Notice) -> bool:
        row = self.database.notices.get(notice.notice_id)
        return row is not None and not row.given_up and row.notice == notice

    def _count(self, notice: Notice, due: datetime, error: str, *, given_up: bool) -> bool:
        if not self._is_ours(notice):
            return False
        failed = replace(notice, failed_attempts=notice.failed_attempts + 1, leased_until=due)
        self._write(failed, given_up=given_up, last_error=error)
        return True

    def _write(
        self, notice: Notice, *, given_up: bool = False, last_error: str | None = None
    ) -> None:
        self.database.notices[notice.notice_id] = NoticeRow(notice, given_up, last_error)
