"""Our own rows of renders: the leases of those that are live, the history of those that ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.sql_queue.bookkeeping import (
    bookkeeping_version,
    failure_columns,
    prepare_server_jobs,
)
from adapters.sql_queue.shared_tables import SharedTableWriter, status_change
from adapters.sql_queue.workflow_records import WORKFLOWS_VERSION
from application.ports.artifact_store import RenderKey
from application.ports.renders import Forgotten
from domain.artifact_status import Move
from domain.breaker import PastRender
from domain.failure import Failure, FailureCode
from domain.lease import ProcessIdentity, heartbeat_time
from domain.prompt import Kind, Writing
from domain.render import LiveRender, Outcome, ServerJob, WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.hook_outbox import HookOutboxWriter
    from adapters.sql_queue.prompt_repository import ClaimStatements
    from application.ports.system import Clock
    from domain.render import Claim

_LOST = Failure(FailureCode.WORKER_LOST, "the worker that rendered it was lost")

_REQUESTS_VERSION = 3  # of our tables, since which submissions have keys
_EXAMINED = 20  # renders, for each that may be removed in a transaction: a millisecond or two


class SqlRenderLeases:
    """Leases, over a connection of their own.

    Args:
        connection: used by one thread at a time.
        claims: opens the renders that are adopted.
        clock: the wall clock, for heartbeats.
        outbox: over the same connection; records prompts that end in error.
    """

    def __init__(
        self,
        connection: Connection,
        claims: ClaimStatements,
        clock: Clock,
        outbox: HookOutboxWriter | None = None,
    ) -> None:
        self._connection = connection
        self._claims = claims
        self._clock = clock
        self._outbox = outbox
        self._shared = SharedTableWriter(connection)
        self._sql = connection.statements("leases")

    def heartbeat(self, claim: Claim) -> bool:
        """Renew the lease. False if it is lost: the render is closed, or the prompt changed."""
        values = {"render_id": claim.render_id}
        with self._connection.writing():
            now = {"now": int(self._clock.now().timestamp())}
            renewed = self._connection.change(self._sql["heartbeat"], values | now)
            return bool(renewed and self._connection.rows(self._sql["holds"], values))

    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still held, without writing anything."""
        return bool(self._connection.rows(self._sql["holds"], {"render_id": claim.render_id}))

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Record the process group of a render's workflow before it runs, unless its claim did."""
        if workflow == claim.process:
            return self.holds(claim)
        values = {
            "render_id": claim.render_id,
            "workflow_group": workflow.group,
            "workflow_started": workflow.started,
        }
        with self._connection.writing(claim.prompt_id):
            return bool(self._connection.change(self._sql["record_workflow"], values))

    def live(self) -> Sequence[LiveRender]:
        """All live renders of all workers."""
        return tuple(
            LiveRender(
                render_id,
                prompt_id,
                Kind(kind),
                ProcessIdentity(host, boot, namespace, pid, started),
                None if group is None else WorkflowProcess(group, group_started),
                heartbeat,
                crashes,
                heartbeat_time(heartbeat, datetime.fromisoformat(claimed_at).replace(tzinfo=UTC)),
                token,
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
                claimed_at,
                token,
            ) in self._connection.rows(self._sql["live"])
        )

    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back."""
        with self._connection.writing(render.prompt_id):
            if not self._close(render, failure):
                return False
            move = Move.FAIL if failure else Move.GIVE_BACK
            ids = {"prompt_id": render.prompt_id, "render_id": render.render_id}
            moved = self._shared.write_prompt(
                self._sql["move_lost_prompt"], {**ids, **status_change(move)}, failure
            )
            if moved and failure and self._outbox:
                self._outbox.failed(render, failure)
            return True

    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost, and open one of this worker for the same prompt."""
        with self._connection.writing(render.prompt_id):
            rows = self._connection.rows(self._sql["claimed"], {"render_id": render.render_id})
            if not rows or not self._close(render, None):
                return None
            [(reference, writing_id, content)] = rows
            last = Writing(writing_id, content)
            return self._claims.open_render(render.prompt_id, render.kind, reference, last)

    def closed(self, keys: Collection[RenderKey]) -> frozenset[RenderKey]:
        """The given renders that are closed, so that their leftovers may be removed."""
        values = {"render_ids": json.dumps([key.render_id for key in keys])}
        rows = self._connection.rows(self._sql["closed"], values)
        return frozenset({RenderKey(*row) for row in rows}.intersection(keys))

    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """The given paths that have an artifact row."""
        values = {"file_paths": json.dumps(list(file_paths))}
        return frozenset(path for (path,) in self._connection.rows(self._sql["named"], values))

    def _close(self, render: LiveRender, failure: Failure | None) -> bool:
        # Giving up is a failure: if a person retries the prompt, its attempts start again at 1.
        outcome = Outcome.FAILED if failure else Outcome.ABANDONED
        values = {
            "render_id": render.render_id,
            "heartbeat": render.heartbeat,
            "outcome": outcome.value,
            **failure_columns(failure or _LOST),
        }
        return bool(self._connection.change(self._sql["close_lost"], values))


class SqlRenderHistory:
    """Renders that ended; takes a write lock only if there are renders to remove.

    Args:
        connection: to the database; may be shared.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("history")

    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Examine one batch of renders, and remove those that are no longer needed."""
        if not bookkeeping_version(self._connection):
            return Forgotten((), None)
        before = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        if after == 0:
            self._forget_requests(before)
        first = self._first_after(after)
        if first is None:
            return Forgotten((), None)
        last = first + limit * _EXAMINED - 1
        values = {"moment": before, "after": after, "last": last, "limit": limit}
        old = [render_id for (render_id,) in self._connection.rows(self._sql["look"], values)]
        looked_up_to = old[-1] if len(old) == limit else last
        forgotten = self._forget([render_id for render_id in old if render_id not in keep])
        is_last = self._first_after(looked_up_to) is None
        return Forgotten(forgotten, None if is_last else looked_up_to)

    def ended_on(self, machine: ProcessIdentity, limit: int) -> tuple[PastRender, ...]:
        """Renders of one machine that were published, failed or given back, oldest first."""
        if bookkeeping_version(self._connection) < WORKFLOWS_VERSION:
            return ()  # a worker brings our tables to the newest version before it asks
        values = {"host": machine.host, "boot": machine.boot, "limit": limit}
        return tuple(
            PastRender(
                Kind(kind),
                prompt_id,
                Failure(FailureCode(code), message) if code else None,
                workflow,
            )
            for kind, prompt_id, code, message, workflow in self._connection.rows(
                self._sql["ended"], values
            )
            if not code or code in set(FailureCode)  # a later version knows more codes
        )

    def _forget_requests(self, before: str) -> None:
        """Remove the keys of submissions that are as old; their prompts stay."""
        if bookkeeping_version(self._connection) < _REQUESTS_VERSION:
            return
        if self._connection.rows(self._sql["old_request"], {"moment": before}):
            with self._connection.writing():
                self._connection.change(self._sql["forget_requests"], {"moment": before})

    def _first_after(self, render_id: int) -> int | None:
        """The smallest number of a render above this one."""
        first: int | None
        [(first,)] = self._connection.rows(self._sql["first_after"], {"after": render_id})
        return first

    def _forget(self, render_ids: list[int]) -> tuple[int, ...]:
        if not render_ids:
            return ()
        with self._connection.writing():
            values = {"render_ids": json.dumps(render_ids)}
            removed = self._connection.rows(self._sql["forget"], values)
            gone = json.dumps([render_id for (render_id,) in removed])
            self._connection.change(self._sql["forget_workflows"], {"render_ids": gone})
        return tuple(sorted(render_id for (render_id,) in removed))


class SqlServerJobs:
    """Jobs on render servers; creates its table if it is missing.

    Args:
        connection: to the database; may be that of the leases. A commit that is lost in a power
            failure costs at most a second render of the same prompt.

    Raises:
        RepositoryError: a newer version of Media Generator created the tables.
    """

    def __init__(self, connection: Connection) -> None:
        prepare_server_jobs(connection)
        self._connection = connection
        self._sql = connection.statements("server_jobs")

    def record(self, claim: Claim, job: ServerJob) -> bool:
        """Record the job of a render before it is submitted or continued."""
        values = {
            "job_id": job.id,
            "render_id": claim.render_id,
            "server": job.server,
            "variant": job.variant,
            "fingerprint": job.fingerprint,
            "seed": str(job.seed),
        }
        with self._connection.writing(claim.prompt_id):
            self._connection.change(self._sql["drop_published_jobs"])
            return bool(self._connection.change(self._sql["hold_job"], values))

    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        """Jobs of closed renders of the same prompt that may be continued, newest first."""
        values = {"prompt_id": claim.prompt_id, "render_id": claim.render_id}
        return self._jobs("earlier_jobs", values)

    def owns(self, claim: Claim, job: ServerJob) -> bool:
        """Whether a job may be ended on behalf of a render."""
        values = {"job_id": job.id, "render_id": claim.render_id}
        return not self._connection.rows(self._sql["job_of_others"], values)

    def forget(self, job: ServerJob, claim: Claim | None = None) -> None:
        """Forget a job that ended or disappeared, unless a later render has it."""
        values = {"job_id": job.id, "render_id": claim and claim.render_id}
        with self._connection.writing():
            self._connection.change(self._sql["drop_job"], values)

    def orphaned(self) -> Sequence[ServerJob]:
        """A batch of jobs of closed renders that no render will continue, oldest first."""
        if self._connection.rows(self._sql["published_jobs"]):
            with self._connection.writing():
                self._connection.change(self._sql["drop_published_jobs"])
        return self._jobs("orphaned_jobs", {})

    def _jobs(self, name: str, values: Mapping[str, object]) -> Sequence[ServerJob]:
        return tuple(
            ServerJob(
                job_id,
                server,
                variant,
                fingerprint,
                int(seed),
                (datetime.fromisoformat(now) - datetime.fromisoformat(held_at)).total_seconds(),
            )
            for job_id, server, variant, fingerprint, seed, held_at, now in self._connection.rows(
                self._sql[name], values
            )
        )
