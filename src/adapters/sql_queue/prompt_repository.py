"""The queue in SQL: claims by compare-and-set, outcomes only for live renders."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.sql_queue.bookkeeping import (
    OLDEST_FIRST,
    URGENT_FIRST,
    bookkeeping_version,
    failure_columns,
    has_config_name,
    has_priority,
    index_hint,
    prepare_bookkeeping,
    sort_key,
    state_hint,
)
from adapters.sql_queue.connection import MissingIndexError
from adapters.sql_queue.hook_outbox import HookOutboxWriter
from adapters.sql_queue.rehearsal import rehearse
from adapters.sql_queue.shared_schema import check_shared_tables, has_junction
from adapters.sql_queue.shared_tables import SharedTableWriter, status_change
from adapters.sql_queue.statements import column_text
from application.ports.prompt_repository import (
    NO_PROCESSES,
    UNLIMITED,
    Candidate,
    Publication,
    Requeued,
    Selection,
    WriteRefusedError,
)
from domain.artifact_status import ArtifactStatus, Move, after, sources
from domain.failure import Failure, FailureCode
from domain.prompt import Kind, Writing, status_sentence
from domain.render import CLOSING_MOVES, Claim, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.prompt_repository import Place, Waiting
    from application.ports.system import Clock
    from domain.artifact import Artifact
    from domain.hook_delivery import Subscription
    from domain.lease import ProcessIdentity
    from domain.render import WorkflowProcess

MAX_RETRY_WAIT = 5400.0
"""Seconds of the longest wait for a retry that settings allow: an hour with its jitter."""

_FRONT = 1_000_000  # more than any priority that a person or another program gives
_MAX_CHANGES = 500  # prompts that are cancelled in one transaction

_CANCELLED = Failure(FailureCode.CANCELLED, "a person cancelled this prompt")


class SqlPromptRepository:
    """The shared database as a queue.

    Args:
        connection: to the database; this object is its only user.
        me: this process, the owner of new renders.
        clock: decides which retries are due.
        create_indexes: whether to keep partial indexes of Media Generator on ``prompts``.
        all_variants: whether every linked writing of a prompt is rendered, not only the last.
        by_priority: whether prompts with the highest priority go first, if they have one.
        longest_wait: seconds of the longest wait for a retry; a later time holds nothing.
        list_indexes: whether to keep the indexes for long lists, too.
        subscriptions: the hooks that receive the outcomes of prompts.

    Raises:
        RepositoryError: the shared tables lack a required table or column.
    """

    def __init__(  # noqa: PLR0913 - what the settings choose, each by its name
        self,
        connection: Connection,
        me: ProcessIdentity,
        clock: Clock,
        *,
        create_indexes: bool,
        all_variants: bool,
        by_priority: bool = False,
        longest_wait: float = MAX_RETRY_WAIT,
        list_indexes: bool = False,
        subscriptions: Collection[Subscription] = (),
    ) -> None:
        check_shared_tables(connection)
        self._connection = connection
        self.database_id = prepare_bookkeeping(
            connection,
            create_indexes=create_indexes,
            by_priority=by_priority,
            by_age=list_indexes,
        )
        self._claims = ClaimStatements(
            connection,
            me,
            clock,
            all_variants=all_variants,
            by_priority=by_priority,
            longest_wait=longest_wait,
        )
        self._outbox = HookOutboxWriter(connection, clock, subscriptions) if subscriptions else None
        self._shared = SharedTableWriter(connection)
        self._rehearsed: dict[Kind, int] = {}
        self._sql = connection.statements("endings")

    @property
    def adaptations(self) -> frozenset[str]:
        """Writes that were adapted because the tables refuse the usual form, in words."""
        return frozenset(self._shared.adaptations)

    def rehearse(self, kind: Kind) -> Failure | None:
        """Why the database would refuse the outcome of a render of that kind, or None."""
        known = self._rehearsed.get(kind)
        if known is None and not self._claims.has_next(kind):
            return None  # no write lock while no prompt of the kind is pending
        [(version,)] = self._connection.rows(self._sql["schema_version"])
        if known == version:
            return None
        bookkeeping_version(self._connection)  # a newer Media Generator may have changed it
        try:
            if rehearse(self, self._connection, kind):
                self._rehearsed[kind] = version
        except WriteRefusedError as refusal:
            return refusal.failure
        return None

    def claim_next(self, selection: Selection, processes: Waiting = NO_PROCESSES) -> Claim | None:
        """Claim the first pending prompt that has a writing; None if there is none."""
        self._connection.check_identity()
        with self._connection.writing():
            return next(iter(self._claims.take(selection, processes)), None)

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing."""
        [published], _ = self.publish_and_claim((Publication(claim, artifacts, seconds),))
        return published

    def publish_and_claim(
        self,
        publications: Sequence[Publication],
        selection: Selection | None = None,
        limit: int = 1,
        processes: Waiting = NO_PROCESSES,
    ) -> tuple[tuple[bool, ...], tuple[Claim, ...]]:
        """``publish`` for each, then ``claim_next`` up to a limit, in one transaction."""
        self._connection.check_identity()
        published: list[bool] = []
        claims: tuple[Claim, ...] = ()
        with self._connection.writing(*sorted(one.claim.prompt_id for one in publications)):
            for publication in publications:
                claim = publication.claim
                ended = self._end(claim, Outcome.PUBLISHED, publication.seconds, None)
                published.append(ended)
                if ended:
                    for artifact in publication.artifacts:
                        self._shared.add_artifact(claim.prompt_id, artifact)
                    if any("reuse_key" in one.metadata for one in publication.artifacts):
                        from adapters.sql_queue.reuse import remember

                        remember(self._connection, claim, publication.artifacts)
                    if self._outbox:
                        self._outbox.published(claim, publication.artifacts)
            if selection is not None:
                claims = self._claims.take(selection, processes, limit)
        return tuple(published), claims

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """End the prompt as failed, with the failure's text."""
        with self._connection.writing(claim.prompt_id):
            failed = self._end(claim, Outcome.FAILED, seconds, failure)
            if failed and self._outbox:
                self._outbox.failed(claim, failure)
            return failed

    def postpone(self, claim: Claim, failure: Failure, seconds: float, retry_at: datetime) -> bool:
        """Close the render as failed, and make the prompt pending from a later time on."""
        with self._connection.writing(claim.prompt_id):
            return self._end(claim, Outcome.FAILED, seconds, failure, retry_at)

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and record why."""
        with self._connection.writing(claim.prompt_id):
            return self._end(claim, Outcome.RELEASED, seconds, failure)

    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        """The first prompts that ``claim_next`` would claim one after the other."""
        return self._claims.candidates(selection, limit)

    def count_pending(self, selection: Selection, at_most: int = UNLIMITED) -> int:
        """Number of prompts that ``claim_next`` could claim one after the other."""
        return self._claims.count_pending(selection, at_most)

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first prompt that waits for a retry is due, in UTC; None if none waits."""
        return self._claims.next_retry_at(selection)

    def explain_loss(self, claim: Claim) -> str:
        """Why an outcome was refused: what changed, in one sentence for the log."""
        values = {"prompt_id": claim.prompt_id, "render_id": claim.render_id}
        rows = self._connection.rows(self._sql["loss"], values)
        if not rows:
            return "another program deleted this prompt"
        [(artifact_status, status, same_reference, outcome)] = rows
        if outcome == Outcome.CANCELLED:
            return "a person cancelled it"
        if outcome == Outcome.ABANDONED:
            return "another worker took it over because this one wrote no heartbeat"
        if status != "completed":
            return f"another program set its status to {status!r}"
        if not same_reference:
            return "another program gave it another writing"
        return f"another program set its artifact_status to {artifact_status!r}"

    def cancel(self, prompt_id: int, *, requeue: bool) -> str | None:
        """Take a prompt that is pending or being rendered out of the queue."""
        move = Move.GIVE_BACK if requeue else Move.CANCEL
        with self._connection.writing(prompt_id, wakes=True):
            for source in sources(move):
                if self._cancel(prompt_id, source, after(source, move)):
                    return None
            return self._why_not(prompt_id)

    def cancel_many(self, prompt_ids: Sequence[int], *, requeue: bool) -> Requeued:
        """``cancel`` for many prompts, in a few transactions."""
        move = Move.GIVE_BACK if requeue else Move.CANCEL
        ids, moved, refused = list(dict.fromkeys(prompt_ids)), list[int](), dict[int, str]()
        for start in range(0, len(ids), _MAX_CHANGES):
            with self._connection.writing(*ids[start : start + _MAX_CHANGES], wakes=requeue):
                for prompt_id in ids[start : start + _MAX_CHANGES]:
                    if any(self._cancel(prompt_id, s, after(s, move)) for s in sources(move)):
                        moved.append(prompt_id)
                    else:
                        refused[prompt_id] = self._why_not(prompt_id)
        return Requeued(tuple(moved), refused)

    def move(self, prompt_ids: Sequence[int], place: Place) -> Requeued:
        """Give pending prompts another place in the queue."""
        moved: list[int] = []
        refused: dict[int, str] = {}
        with self._connection.writing(*prompt_ids, wakes=True):
            self._connection.change(self._sql["forget_old_priorities"])
            [(lowest, highest)] = self._connection.rows(self._sql["priority_bounds"])
            ends = {"front": max(highest, _FRONT) + 1, "back": min(lowest, 0) - 1}
            priority = ends[place] if isinstance(place, str) else place
            for prompt_id in dict.fromkeys(prompt_ids):
                reason = self._why_not(prompt_id)
                if reason != f"it is {ArtifactStatus.PENDING}":
                    refused[prompt_id] = reason
                    continue
                values = {"prompt_id": prompt_id, "priority": priority}
                self._connection.change(self._sql["set_priority"], values)
                moved.append(prompt_id)
        return Requeued(tuple(moved), refused)

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Put finished or failed prompts back in the queue, and clear their errors."""
        moves = (Move.RETRY, Move.RENEW) if again else (Move.RETRY,)
        moved: list[int] = []
        refused: dict[int, str] = {}
        with self._connection.writing(*prompt_ids, wakes=True):
            for prompt_id in dict.fromkeys(prompt_ids):
                if any(self._requeue(prompt_id, move) for move in moves):
                    moved.append(prompt_id)
                else:
                    refused[prompt_id] = self._why_not(prompt_id)
        return Requeued(tuple(moved), refused)

    def requeue_errors(self, except_ids: Collection[int] = ()) -> Requeued:
        """Put every failed prompt back in the queue."""
        with self._connection.reading():
            errors = [
                prompt_id
                for kind in Kind
                for (prompt_id,) in self._connection.rows(
                    self._sql["errors"].format(
                        index=state_hint(self._connection, kind), prompt_type=kind.prompt_type
                    )
                )
            ]
        return self.requeue(sorted(set(errors).difference(except_ids)), again=False)

    def _end(
        self,
        claim: Claim,
        outcome: Outcome,
        seconds: float,
        failure: Failure | None,
        retry_at: datetime | None = None,
    ) -> bool:
        gives_back = outcome is Outcome.RELEASED or retry_at is not None
        ids = {"prompt_id": claim.prompt_id, "render_id": claim.render_id}
        move = status_change(Move.GIVE_BACK if gives_back else CLOSING_MOVES[outcome])
        moved = self._shared.write_prompt(
            self._sql["move_prompt"],
            {**ids, **move, "keep_message": gives_back},
            None if gives_back else failure,
        )
        if not moved and self._connection.rows(self._connection.statements("leases")["holds"], ids):
            raise self._connection.ignored("prompts", "a new artifact_status")
        closing = {
            "outcome": (outcome if moved else Outcome.SUPERSEDED).value,
            "seconds": max(seconds, 0.0),
            "retry_at": retry_at.isoformat(timespec="milliseconds") if retry_at and moved else None,
            **failure_columns(failure),
        }
        self._connection.change(self._sql["close_render"], {**ids, **closing})
        if moved and not gives_back:
            self._connection.change(self._sql["forget_priority"], ids)
        return bool(moved)

    def _cancel(self, prompt_id: int, source: ArtifactStatus, target: ArtifactStatus) -> bool:
        failure = None if target is ArtifactStatus.PENDING else _CANCELLED
        move = {"prompt_id": prompt_id, "source": source.value, "target": target.value}
        moved = self._shared.write_prompt(self._sql["cancel_prompt"], move, failure)
        if moved:
            closing = {"prompt_id": prompt_id, **failure_columns(_CANCELLED)}
            self._connection.change(self._sql["cancel_render"], closing)
            self._connection.change(self._sql["cancel_acceptance"], closing)
            self._connection.change(self._sql["forget_retries"], {"prompt_id": prompt_id})
            if failure:
                self._connection.change(self._sql["forget_priority"], {"prompt_id": prompt_id})
        return bool(moved)

    def _requeue(self, prompt_id: int, move: Move) -> bool:
        values = {"prompt_id": prompt_id, **status_change(move)}
        moved = self._shared.write_prompt(self._sql["requeue"], values)
        if moved:
            self._connection.change(self._sql["forget_retries"], {"prompt_id": prompt_id})
        return bool(moved)

    def _why_not(self, prompt_id: int) -> str:
        rows = self._connection.rows(self._sql["status_of"], {"prompt_id": prompt_id})
        if not rows:
            return "there is no such prompt"
        [(prompt_type, status, error_message)] = rows
        if Kind.of_prompt_type(prompt_type) is None:
            return f"it is a {prompt_type}, which is not rendered"
        return status_sentence(status, error_message)


FirstRow = tuple[Kind, tuple[Any, ...]]
"""A kind and its first row: id, reference, writing's id, content, creation, urgency."""


class ClaimStatements:
    """The statements of a claim; the caller holds the transaction.

    Args:
        connection: to the database.
        me: the owner of new renders.
        clock: decides which retries are due.
        all_variants: whether every linked writing of a prompt is rendered, not only the last.
        by_priority: whether prompts with the highest priority go first, if they have one.
        longest_wait: seconds of the longest wait for a retry; a later time holds nothing.
    """

    def __init__(
        self,
        connection: Connection,
        me: ProcessIdentity,
        clock: Clock,
        *,
        all_variants: bool,
        by_priority: bool = False,
        longest_wait: float = MAX_RETRY_WAIT,
    ) -> None:
        self._connection = connection
        self._longest_wait = timedelta(seconds=longest_wait)
        self._owner = {
            "owner_host": me.host,
            "owner_boot": me.boot,
            "owner_namespace": me.namespace,
            "owner_pid": me.pid,
            "owner_started": me.started,
        }
        self._clock = clock
        self._all_variants = all_variants and has_junction(connection)
        self._sql = connection.statements("claims")
        self._by_priority = by_priority
        self._prepare_statements()

    def take(self, selection: Selection, processes: Waiting, limit: int = 1) -> tuple[Claim, ...]:
        """Move the first pending prompts to processing and open their renders.

        Args:
            selection: the prompts that may be claimed.
            processes: that wait, by kind; each goes to one claim.
            limit: maximum number of claims.

        Returns:
            The claims in the order of the queue; fewer than the limit if no more are pending.
        """
        conditions = self._conditions(selection) | {"limit": limit}
        claims: list[Claim] = []
        taken_by_others: set[int] = set()
        for kind, row in self._first(selection, conditions)[:limit]:
            prompt_id, reference, writing_id, content, *_ = row
            claimed = {"prompt_id": prompt_id, **status_change(Move.CLAIM)}
            if not self._connection.change(self._sql["take"], conditions | claimed):
                if self._connection.rows(self._next_among, conditions | {"only": f"[{prompt_id}]"}):
                    raise self._connection.ignored("prompts", "a new artifact_status")
                # Another worker took and postponed it after this one had begun to look.
                taken_by_others.add(prompt_id)
                continue
            process = processes.get(kind)
            last = Writing(writing_id, content)
            claims.append(self.open_render(prompt_id, kind, reference, last, process))
            if process is not None:
                processes = {key: other for key, other in processes.items() if other != process}
        if taken_by_others and not claims:
            remaining = replace(selection, excluding=selection.excluding | taken_by_others)
            return self.take(remaining, processes, limit)
        return tuple(claims)

    def _first(self, selection: Selection, conditions: dict[str, object]) -> list[FirstRow]:
        """The first prompts of each kind, moved and others, in the order of the queue."""
        if selection.only is not None:
            return [
                (row_kind, tuple(row))
                for *row, prompt_type in self._connection.rows(self._next_among, conditions)
                if (row_kind := Kind.of_prompt_type(prompt_type))
            ]
        first: list[FirstRow] = []
        sources = 0
        for kind in selection.kinds:
            moved = self._connection.rows(self._next_moved[kind], conditions)
            pending = self._first_pending(kind, conditions)
            first += [(kind, row) for row in moved]
            first += [(kind, row) for row in pending]
            sources += bool(moved) + bool(pending)
        if sources > 1:  # each source is in order
            first.sort(key=lambda one: (sort_key(one[1][4]), one[1][0]))
            first.sort(key=lambda one: sort_key(one[1][5]), reverse=True)
        return first

    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        """The first prompts that could be claimed, in their order, without a lock."""
        conditions = self._conditions(selection) | {"window": limit}
        by_priority = self._by_priority and has_priority(self._connection)
        order = URGENT_FIRST if by_priority else OLDEST_FIRST
        terms = {
            "urgency": order.urgency,
            "first": order.first,
            "config_name": "p.config_name" if has_config_name(self._connection) else "NULL",
            "among": "TRUE" if selection.only is None else self._sql["among"],
        }
        rows: list[FirstRow] = []
        with self._connection.reading():
            for kind in selection.kinds:
                is_open = selection.only is None
                index = index_hint(self._connection, kind, order) if is_open else ""
                for name in ("moved_candidates", "pending_candidates"):
                    statement = self._sql[name].format(
                        index=index, prompt_type=kind.prompt_type, **terms
                    )
                    rows += [(kind, row) for row in self._connection.rows(statement, conditions)]
        rows.sort(key=lambda row: (sort_key(row[1][3]), row[1][0]))
        rows.sort(key=lambda row: sort_key(row[1][4]), reverse=True)
        return tuple(
            Candidate(
                prompt_id,
                kind,
                Writing(writing_id, content),
                urgency,
                column_text(config_name),
                column_text(workflow),
            )
            for kind, row in rows[:limit]
            for prompt_id, writing_id, content, _, urgency, config_name, workflow in (row,)
        )

    def has_next(self, kind: Kind) -> bool:
        """Whether a prompt of a kind could be claimed now."""
        conditions = self._conditions(Selection(frozenset({kind}))) | {"limit": 1}
        return bool(
            self._first_pending(kind, conditions)
            or self._connection.rows(self._next_moved[kind], conditions)
        )

    def _first_pending(self, kind: Kind, conditions: dict[str, object]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.rows(self._next_pending[kind], conditions)
        except MissingIndexError:
            # A program that rebuilds the table drops its indexes; a slow claim is better than none.
            self._prepare_statements()
            return self._connection.rows(self._next_pending[kind], conditions)

    def _prepare_statements(self) -> None:
        # Priorities need a column that not every table has.
        by_priority = self._by_priority and has_priority(self._connection)
        order = URGENT_FIRST if by_priority else OLDEST_FIRST
        terms = {"urgency": order.urgency, "first": order.first}
        self._next_among = self._sql["next_pending_among"].format(**terms)
        self._next_moved = {
            kind: self._sql["next_moved"].format(prompt_type=kind.prompt_type) for kind in Kind
        }
        self._next_pending = {
            kind: self._sql["next_pending"].format(
                index=index_hint(self._connection, kind, order),
                prompt_type=kind.prompt_type,
                **terms,
            )
            for kind in Kind
        }

    def open_render(
        self,
        prompt_id: int,
        kind: Kind,
        reference: object,
        last: Writing,
        process: WorkflowProcess | None = None,
    ) -> Claim:
        """Open a render of this worker for a prompt that is processing.

        Args:
            prompt_id: the prompt.
            kind: its kind of media.
            reference: its ``output_reference``.
            last: its last writing.
            process: that waits to render it; None if none does.
        """
        history = self._connection.rows(self._sql["history"], {"prompt_id": prompt_id})
        attempt, crashes, is_live = history[0] if history else (1, 0, False)
        if is_live:  # another program made its prompt pending again
            self._connection.change(self._sql["supersede_live"], {"prompt_id": prompt_id})
        values = {"prompt_id": prompt_id, "output_reference": reference}
        earlier = self._connection.rows(self._sql["unpublished"], values) if history else []
        row = {
            "prompt_id": prompt_id,
            "kind": kind.value,
            "output_reference": reference,
            "attempt": attempt,
            "crashes": crashes,
            "workflow_group": process and process.group,
            "workflow_started": process and process.started,
            **self._owner,
        }
        [(render_id, claimed_at, token)] = self._connection.rows(self._sql["open_render"], row)
        writings = (self._all_variants and self._variants(prompt_id, kind)) or (last,)
        at = datetime.fromisoformat(claimed_at).replace(tzinfo=UTC)
        return Claim(
            render_id,
            prompt_id,
            kind,
            at,
            writings,
            attempt,
            crashes,
            tuple(earlier),
            token,
            process,
        )

    def count_pending(self, selection: Selection, at_most: int = UNLIMITED) -> int:
        """Number of prompts that could be claimed one after the other, including later retries."""
        conditions, number = self._conditions(selection) | {"at_most": at_most}, 0
        among = "TRUE" if selection.only is None else self._sql["among"]
        for kind in selection.kinds:
            with self._connection.reading():
                statement = self._sql["count_pending"].format(
                    index=index_hint(self._connection, kind) if selection.only is None else "",
                    prompt_type=kind.prompt_type,
                    among=among,
                )
                [(count,)] = self._connection.rows(statement, conditions)
            number += count
        return min(number, at_most)

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first prompt that waits for a retry is due, in UTC; None if none waits."""
        conditions = self._conditions(selection)
        [(retry_at,)] = self._connection.rows(self._sql["next_retry"], conditions)
        return None if retry_at is None else datetime.fromisoformat(retry_at)

    def _variants(self, prompt_id: int, kind: Kind) -> tuple[Writing, ...]:
        rows = self._connection.rows(
            self._sql["linked_writings"],
            {"prompt_id": prompt_id, "prompt_type": kind.prompt_type},
        )
        return tuple(Writing(writing_id, content) for writing_id, content in rows)

    def _conditions(self, selection: Selection) -> dict[str, object]:
        now = self._clock.now()
        return {
            **_parameters(selection),
            "now": now.isoformat(timespec="milliseconds"),
            "latest": (now + self._longest_wait).isoformat(timespec="milliseconds"),
        }


@lru_cache(maxsize=16)
def _parameters(selection: Selection) -> dict[str, object]:
    only = selection.only
    return {
        "image": Kind.IMAGE in selection.kinds,
        "audio": Kind.AUDIO in selection.kinds,
        "only": None if only is None else json.dumps(sorted(only)),
        "excluding": json.dumps(sorted(selection.excluding)),
    }
