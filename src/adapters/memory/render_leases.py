"""Leases in memory, over the same tables as the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from adapters.memory.notices import InMemoryOutbox
from application.ports.artifact_store import RenderTrace
from domain.artifact_status import Move
from domain.failure import Failure, FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.memory.database import InMemoryDatabase, RenderRow
    from application.ports.clock import Clock
    from domain.notice import Subscription
    from domain.render import Claim, LiveRender, WorkflowProcess
    from domain.worker import ProcessIdentity

_LOST = Failure(FailureCode.WORKER_LOST, "the worker that rendered it was lost")


class InMemoryRenderLeases:
    """Keeps the promises of the port without a file.

    Safe to use from several threads.

    Args:
        database: the tables.
        me: the owner of the renders that are taken over.
        clock: tells when they were.
        subscriptions: the hooks that are to be told how prompts ended.
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
        self._outbox = InMemoryOutbox(database, clock, subscriptions)

    @transaction
    def beat(self, claim: Claim) -> bool:
        """Keep the lease. False when it is lost: the render is closed, or the prompt changed."""
        render = self.database.renders.get(claim.render_id)
        if render is not None and render.outcome is None:
            self._write(replace(render, heartbeat=render.heartbeat + 1))
        return self.holds(claim)

    @transaction
    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still ours, without writing anything."""
        render = self.database.renders.get(claim.render_id)
        if render is None or render.outcome is not None:
            return False
        return self.database.unchanged(render) is not None

    @transaction
    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Remember what runs for a render, before it runs."""
        held = self.holds(claim)
        if held:
            self._write(replace(self.database.renders[claim.render_id], workflow=workflow))
        return held

    @transaction
    def live(self) -> Sequence[LiveRender]:
        """All live renders, whoever holds them."""
        renders = self.database.renders.values()
        return tuple(render.seen() for render in renders if render.outcome is None)

    @transaction
    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back."""
        if not self._is_as_seen(render):
            return False
        found = self.database.renders[render.render_id]
        outcome = Outcome.FAILED if failure else Outcome.ABANDONED
        self._close(found, outcome, failure or _LOST)
        row = self.database.unchanged(found)
        if row is not None and failure is not None:
            self.database.move(replace(row, error_message=failure.explain()), Move.FAIL)
            self._outbox.failed(found, failure)
        elif row is not None:
            self.database.move(row, Move.GIVE_BACK)
        return True

    @transaction
    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost and open one of our own for the same prompt."""
        found = self.database.renders.get(render.render_id)
        row = None if found is None else self.database.unchanged(found)
        if found is None or row is None or row.output_reference not in self.database.writings:
            return None
        if not self._is_as_seen(render):
            return None
        self._close(found, Outcome.ABANDONED, _LOST)
        return self.database.open_render(row, self._me, self._clock.now())

    @transaction
    def closed(self, traces: Collection[RenderTrace]) -> frozenset[RenderTrace]:
        """Those of the renders that are ours and have an outcome."""
        renders = self.database.renders.values()
        held = {render.prompt_id for render in renders if render.outcome is None}
        ours = {
            RenderTrace(render.prompt_id, render.render_id)
            for render in renders
            if render.outcome is not None and render.prompt_id not in held
        }
        return frozenset(ours.intersection(traces))

    @transaction
    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """Those of the files that have a row."""
        rows = {artifact.file_path for _, artifact in self.database.artifacts}
        return frozenset(rows.intersection(file_paths))

    def _is_as_seen(self, render: LiveRender) -> bool:
        found = self.database.renders.get(render.render_id)
        return found is not None and found.outcome is None and found.heartbeat == render.heartbeat

    def _close(self, render: RenderRow, outcome: Outcome, failure: Failure) -> None:
        now = self._clock.now()
        self._write(replace(render, outcome=outcome, failure=failure, finished_at=now))

    def _write(self, render: RenderRow) -> None:
        self.database.renders[render.render_id] = render
