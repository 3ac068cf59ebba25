"""Leases in memory, over the same tables as the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderTrace
from domain.artifact_status import Move
from domain.failure import Failure, FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.memory.database import InMemoryDatabase, RenderRow
    from application.ports.clock import Clock
    from domain.render import Claim, LiveRender, WorkflowProcess
    from domain.worker import ProcessIdentity

_LOST = Failure(FailureCode.WORKER_LOST, "the worker that rendered it was lost")


class InMemoryRenderLeases:
    """Keeps the promises of the port without a file.

    Args:
        database: the tables.
        me: the owner of the renders that are taken over.
        clock: tells when they were.
    """

    def __init__(self, database: InMemoryDatabase, me: ProcessIdentity, clock: Clock) -> None:
        self._database = database
        self._me = me
        self._clock = clock

    def beat(self, claim: Claim) -> bool:
        """Keep the lease. False when it is lost: the render is closed, or the prompt changed."""
        render = self._database.renders[claim.render_id]
        if render.outcome is None:
            self._write(replace(render, heartbeat=render.heartbeat + 1))
        return self.holds(claim)

    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still ours, without writing anything."""
        render = self._database.renders[claim.render_id]
        return render.outcome is None and self._database.unchanged(render) is not None

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Remember what runs for a render, before it runs."""
        render = self._database.renders[claim.render_id]
        if render.outcome is None:
            self._write(replace(render, workflow=workflow))
        return render.outcome is None

    def live(self) -> Sequence[LiveRender]:
        """All live renders, whoever holds them."""
        renders = self._database.renders.values()
        return tuple(render.seen() for render in renders if render.outcome is None)

    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back."""
        if not self._is_as_seen(render):
            return False
        found = self._database.renders[render.render_id]
        outcome = Outcome.FAILED if failure else Outcome.ABANDONED
        self._write(replace(found, outcome=outcome, failure=failure or _LOST))
        row = self._database.unchanged(found)
        if row is not None and failure is not None:
            self._database.move(replace(row, error_message=failure.explain()), Move.FAIL)
        elif row is not None:
            self._database.move(row, Move.GIVE_BACK)
        return True

    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost and open one of our own for the same prompt."""
        found = self._database.renders[render.render_id]
        row = self._database.unchanged(found)
        if row is None or row.output_reference not in self._database.writings:
            return None
        if not self._is_as_seen(render):
            return None
        self._write(replace(found, outcome=Outcome.ABANDONED, failure=_LOST))
        return self._database.open_render(row, self._me, self._clock.now())

    def closed(self, traces: Collection[RenderTrace]) -> frozenset[RenderTrace]:
        """Those of the renders that are ours and have an outcome."""
        renders = self._database.renders.values()
        held = {render.prompt_id for render in renders if render.outcome is None}
        ours = {
            RenderTrace(render.prompt_id, render.render_id)
            for render in renders
            if render.outcome is not None and render.prompt_id not in held
        }
        return frozenset(ours.intersection(traces))

    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """Those of the files that have a row."""
        rows = {artifact.file_path for _, artifact in self._database.artifacts}
        return frozenset(rows.intersection(file_paths))

    def _is_as_seen(self, render: LiveRender) -> bool:
        found = self._database.renders[render.render_id]
        return found.outcome is None and found.heartbeat == render.heartbeat

    def _write(self, render: RenderRow) -> None:
        self._database.renders[render.render_id] = render
