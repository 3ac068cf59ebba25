"""Leases in SQLite: kept by their owners, taken over from the dead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapters.sqlite.rows import ends, error_message, failure_columns
from adapters.sqlite.statements import statements
from application.ports.artifact_store import RenderTrace
from domain.artifact_status import Move
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from domain.prompt import Writing
from domain.render import LiveRender, Outcome, WorkflowProcess
from domain.worker import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.sqlite.claiming import Claiming
    from adapters.sqlite.connection import Connection
    from adapters.sqlite.outbox import Outbox
    from domain.render import Claim

_LOST = Failure(FailureCode.WORKER_LOST, "the worker that rendered it was lost")


class SqliteRenderLeases:
    """The leases, over a connection of their own.

    Args:
        connection: used by one thread at a time.
        claiming: opens the renders that are taken over.
        outbox: over the same connection; learns of prompts that end in error.
    """

    def __init__(
        self, connection: Connection, claiming: Claiming, outbox: Outbox | None = None
    ) -> None:
        self._connection = connection
        self._claiming = claiming
        self._outbox = outbox
        self._sql = statements("leases")

    def beat(self, claim: Claim) -> bool:
        """Keep the lease. False when it is lost: the render is closed, or the prompt changed."""
        values = {"render_id": claim.render_id}
        with self._connection.writing():
            kept = self._connection.change(self._sql["beat"], values)
            return bool(kept and self._connection.rows(self._sql["holds"], values))

    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still ours, without writing anything."""
        return bool(self._connection.rows(self._sql["holds"], {"render_id": claim.render_id}))

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Remember what runs for a render, before it runs."""
        values = {
            "render_id": claim.render_id,
            "workflow_group": workflow.group,
            "workflow_started": workflow.started,
        }
        with self._connection.writing():
            return bool(self._connection.change(self._sql["record_workflow"], values))

    def live(self) -> Sequence[LiveRender]:
        """All live renders, whoever holds them."""
        return tuple(
            LiveRender(
                render_id,
                prompt_id,
                Kind(kind),
                ProcessIdentity(host, boot, namespace, pid, started),
                None if group is None else WorkflowProcess(group, group_started),
                heartbeat,
                crashes,
            )
            for (
                render_id,
                prompt_id,
                kind,
                host,
                boot,
                namespace,
                pid,
                started,
                group,
                group_started,
                heartbeat,
                crashes,
            ) in self._connection.rows(self._sql["live"])
        )

    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back."""
        with self._connection.writing():
            if not self._close(render, failure):
                return False
            move = Move.FAIL if failure else Move.GIVE_BACK
            moved = self._connection.change(
                self._sql["move_lost_prompt"],
                {
                    "prompt_id": render.prompt_id,
                    "render_id": render.render_id,
                    "error_message": error_message(failure),
                    **ends(move),
                },
            )
            if moved and failure and self._outbox:
                self._outbox.failed(render, failure)
            return True

    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost and open one of our own for the same prompt."""
        with self._connection.writing():
            found = self._connection.rows(self._sql["claimed"], {"render_id": render.render_id})
            if not found or not self._close(render, None):
                return None
            [(reference, writing_id, content)] = found
            last = Writing(writing_id, content)
            return self._claiming.open_render(render.prompt_id, render.kind, reference, last)

    def closed(self, traces: Collection[RenderTrace]) -> frozenset[RenderTrace]:
        """Those of the renders that are ours and have an outcome."""
        asked = json.dumps([trace.render_id for trace in traces])
        found = self._connection.rows(self._sql["closed"], {"render_ids": asked})
        ours = {RenderTrace(prompt_id, render_id) for render_id, prompt_id in found}
        return frozenset(ours.intersection(traces))

    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """Those of the files that have a row."""
        asked = {"file_paths": json.dumps(list(file_paths))}
        return frozenset(path for (path,) in self._connection.rows(self._sql["named"], asked))

    def _close(self, render: LiveRender, failure: Failure | None) -> bool:
        # Given up for good is a failure: another try, when a person wants it, begins anew.
        outcome = Outcome.FAILED if failure else Outcome.ABANDONED
        values = {
            "render_id": render.render_id,
            "heartbeat": render.heartbeat,
            "outcome": outcome.value,
            **failure_columns(failure or _LOST),
        }
        return bool(self._connection.change(self._sql["close_lost"], values))
