"""Renders in memory, over the same tables as the queue: leases and history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderKey
from application.ports.renders import Forgotten
from domain.artifact_status import Move
from domain.breaker import PastRender
from domain.failure import Failure, FailureCode
from domain.render import Outcome
from tests.fakes.database import transaction
from tests.fakes.hook_outbox import InMemoryHookOutboxWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from application.ports.system import Clock
    from domain.hook_delivery import Subscription
    from domain.lease import ProcessIdentity
    from domain.render import Claim, LiveRender, WorkflowProcess
    from tests.fakes.database import InMemoryDatabase, RenderRow

_LOST = Failure(FailureCode.WORKER_LOST, "the worker that rendered it was lost")
_INFORMATIVE = frozenset({Outcome.PUBLISHED, Outcome.FAILED, Outcome.RELEASED})


class InMemoryRenderLeases:
    """Leases in memory. Safe to use from several threads.

    Args:
        database: the tables.
        me: the owner of adopted renders.
        clock: the time of heartbeats and outcomes.
        subscriptions: the hooks that receive the outcomes of prompts.
    """

    def __init__(
        self,
        database: InMemoryDatabase,
        me: ProcessIdentity,
        clock: Clock,
        subscriptions: Collection[Subscription] = (),
    ) -> None:
        self.database = database
        self._me = me
        self._clock = clock
        self._outbox = InMemoryHookOutboxWriter(database, clock, subscriptions)

    @transaction
    def heartbeat(self, claim: Claim) -> bool:
        """Renew the lease. False if it is lost: the render is closed, or the prompt changed."""
        render = self.database.renders.get(claim.render_id)
        if render is not None and render.outcome is None:
            now = int(self._clock.now().timestamp())
            heartbeat = max(render.heartbeat + 1, now)  # as the statement of the database
            self._write(replace(render, heartbeat=heartbeat))
        return self.holds(claim)

    @transaction
    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still held, without writing anything."""
        render = self.database.renders.get(claim.render_id)
        if render is None or render.outcome is not None:
            return False
        return self.database.unchanged(render) is not None

    @transaction
    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Record the process group of a render's workflow before it runs, unless its claim did."""
        held = self.holds(claim)
        if held:
            self._write(replace(self.database.renders[claim.render_id], workflow=workflow))
        return held

    @transaction
    def live(self) -> Sequence[LiveRender]:
        """All live renders of all workers."""
        renders = self.database.renders.values()
        return tuple(render.seen() for render in renders if render.outcome is None)

    @transaction
    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back."""
        if not self._is_unchanged(render):
            return False
        render_row = self.database.renders[render.render_id]
        outcome = Outcome.FAILED if failure else Outcome.ABANDONED
        self._close(render_row, outcome, failure or _LOST)
        row = self.database.unchanged(render_row)
        if row is not None and failure is not None:
            self.database.move(replace(row, error_message=failure.explain()), Move.FAIL)
            self._outbox.failed(render_row, failure)
        elif row is not None:
            self.database.move(row, Move.GIVE_BACK)
        return True

    @transaction
    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost, and open one of this worker for the same prompt."""
        render_row = self.database.renders.get(render.render_id)
        row = None if render_row is None else self.database.unchanged(render_row)
        if render_row is None or row is None or row.output_reference not in self.database.writings:
            return None
        if not self._is_unchanged(render):
            return None
        self._close(render_row, Outcome.ABANDONED, _LOST)
        return self.database.open_render(row, self._me, self._clock.now())

    @transaction
    def closed(self, keys: Collection[RenderKey]) -> frozenset[RenderKey]:
        """The given renders that are closed, so that their leftovers may be removed."""
        renders = self.database.renders.values()
        held = {render.prompt_id for render in renders if render.outcome is None}
        kept = {
            render_id
            for row in self.database.prompts.values()
            if (row.status, row.artifact_status) == ("completed", "pending")
            for render_id, _ in self.database.unpublished(row)
        }
        ours = {
            RenderKey(render.prompt_id, render.render_id)
            for render in renders
            if render.outcome is not None
            and render.prompt_id not in held
            and render.render_id not in kept
        }
        return frozenset(ours.intersection(keys))

    @transaction
    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """The given paths that have an artifact row."""
        rows = {artifact.file_path for _, artifact in self.database.artifacts}
        return frozenset(rows.intersection(file_paths))

    def _is_unchanged(self, render: LiveRender) -> bool:
        row = self.database.renders.get(render.render_id)
        return row is not None and row.outcome is None and row.heartbeat == render.heartbeat

    def _close(self, render: RenderRow, outcome: Outcome, failure: Failure) -> None:
        now = self._clock.now()
        self._write(replace(render, outcome=outcome, failure=failure, finished_at=now))

    def _write(self, render: RenderRow) -> None:
        self.database.renders[render.render_id] = render


class InMemoryRenderHistory:
    """Renders that ended, in memory. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self.database = database

    @transaction
    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Examine one batch of renders, and remove those that are no longer needed."""
        renders = self.database.renders
        batch = sorted(number for number in renders if number > after)[:limit]
        newest = {render.prompt_id: number for number, render in sorted(renders.items())}
        old = [
            number
            for number in batch
            if number not in keep
            and newest[renders[number].prompt_id] != number
            and _ended_before(renders[number], moment)
        ]
        for number in old:
            del renders[number]
        return Forgotten(tuple(old), batch[-1] if len(batch) == limit else None)

    @transaction
    def ended_on(self, machine: ProcessIdentity, limit: int) -> tuple[PastRender, ...]:
        """Renders of one machine that were published, failed or given back, oldest first."""
        newest = [render for _, render in sorted(self.database.renders.items())[-limit:]]
        return tuple(
            PastRender(render.kind, render.prompt_id, _recorded(render.failure))
            for render in newest
            if render.outcome in _INFORMATIVE and _is_on(render.owner, machine)
        )


def _ended_before(render: RenderRow, moment: datetime) -> bool:
    return render.finished_at is not None and render.finished_at < moment


def _is_on(owner: ProcessIdentity, machine: ProcessIdentity) -> bool:
    return owner.host == machine.host or owner.boot == machine.boot != ""


def _recorded(failure: Failure | None) -> Failure | None:
    return failure and Failure(failure.code, failure.summary)
