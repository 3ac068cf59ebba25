"""The queue in memory: claims and outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from application.ports.prompt_repository import (
    NO_PROCESSES,
    UNLIMITED,
    Candidate,
    Publication,
    Requeued,
    Selection,
    WriteRefusedError,
)
from domain.artifact_status import Move, after, sources
from domain.failure import Failure, FailureCode
from domain.prompt import Kind, Writing, shown_status, status_sentence
from domain.render import CLOSING_MOVES, Outcome
from tests.fakes.database import PromptRow, transaction
from tests.fakes.hook_outbox import InMemoryHookOutboxWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from application.ports.prompt_repository import Place, Waiting
    from application.ports.system import Clock
    from domain.artifact import Artifact
    from domain.hook_delivery import Subscription
    from domain.lease import ProcessIdentity
    from domain.render import Claim
    from tests.fakes.database import InMemoryDatabase

_WRITES = {
    Outcome.PUBLISHED: "publish",
    Outcome.FAILED: "fail",
    Outcome.RELEASED: "release",
}
_MAX_WAIT = timedelta(seconds=5400)  # for a retry; a later time comes from a wrong clock
_CANCELLED = Failure(FailureCode.CANCELLED, "a person cancelled this prompt")


class InMemoryPromptRepository:
    """The queue in memory. Safe to use from several threads.

    Args:
        database: the tables.
        me: the owner of new renders.
        clock: decides which retries are due.
        subscriptions: the hooks that receive the outcomes of prompts.
        by_priority: whether prompts with the highest priority go first.
    """

    def __init__(
        self,
        database: InMemoryDatabase,
        me: ProcessIdentity,
        clock: Clock,
        subscriptions: Collection[Subscription] = (),
        *,
        by_priority: bool = False,
    ) -> None:
        self.database = database
        self._by_priority = by_priority
        self._me = me
        self._clock = clock
        self._outbox = InMemoryHookOutboxWriter(database, clock, subscriptions)

    @transaction
    def rehearse(self, kind: Kind) -> Failure | None:
        """Why the database would refuse the outcome of a render of a kind, or None."""
        waiting = self._waiting()
        if all(row.id in waiting for row in self._pending(Selection(frozenset({kind})))):
            return None
        try:
            for write in self.database.refuses:
                self.database.check(write)
        except WriteRefusedError as refusal:
            return refusal.failure
        return None

    @transaction
    def claim_next(self, selection: Selection, processes: Waiting = NO_PROCESSES) -> Claim | None:
        """Claim the first pending prompt that has a writing; None if there is none."""
        waiting = self._waiting()
        pending = [row for row in self._pending(selection) if row.id not in waiting]
        if not pending:
            return None
        self.database.check("claim")
        row = min(pending, key=self._place)
        self.database.move(row, Move.CLAIM)
        self.database.close_live(row.id, Outcome.SUPERSEDED, None, self._clock.now())
        process = processes.get(row.kind) if row.kind else None
        return self.database.open_render(row, self._me, self._clock.now(), process)

    @transaction
    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        """The first prompts that ``claim_next`` would claim one after the other."""
        waiting = self._waiting()
        pending = [row for row in self._pending(selection) if row.id not in waiting]
        return tuple(
            Candidate(
                row.id,
                row.kind,
                Writing(
                    row.output_reference or 0, self.database.writings[row.output_reference or 0]
                ),
                self._place(row)[0],
            )
            for row in sorted(pending, key=self._place)[:limit]
            if row.kind
        )

    @transaction
    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing."""
        ended = self._end(claim, Outcome.PUBLISHED, seconds, None)
        if ended:
            rows = [(claim.prompt_id, artifact) for artifact in artifacts]
            self.database.artifacts.extend(rows)
            self._outbox.published(self.database.renders[claim.render_id], artifacts)
        return ended

    @transaction
    def publish_and_claim(
        self,
        publications: Sequence[Publication],
        selection: Selection | None = None,
        limit: int = 1,
        processes: Waiting = NO_PROCESSES,
    ) -> tuple[tuple[bool, ...], tuple[Claim, ...]]:
        """``publish`` for each, then ``claim_next`` up to a limit; all or nothing."""
        if selection is not None and self._pending(selection):
            self.database.check("claim")  # before anything is published
        if any(self._may_end(publication.claim) for publication in publications):
            self.database.check("publish")
        published = tuple(
            self.publish(publication.claim, publication.artifacts, publication.seconds)
            for publication in publications
        )
        claims: list[Claim] = []
        while selection is not None and len(claims) < limit:
            claim = self.claim_next(selection, processes)
            if claim is None:
                break
            claims.append(claim)
            processes = {kind: one for kind, one in processes.items() if one != claim.process}
        return published, tuple(claims)

    @transaction
    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """End the prompt as failed, with the failure's text."""
        failed = self._end(claim, Outcome.FAILED, seconds, failure)
        if failed:
            self._outbox.failed(self.database.renders[claim.render_id], failure)
        return failed

    @transaction
    def postpone(self, claim: Claim, failure: Failure, seconds: float, retry_at: datetime) -> bool:
        """Close the render as failed, and make the prompt pending from a later time on."""
        return self._end(claim, Outcome.FAILED, seconds, failure, retry_at)

    @transaction
    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and record why."""
        return self._end(claim, Outcome.RELEASED, seconds, failure)

    @transaction
    def count_pending(self, selection: Selection, at_most: int = UNLIMITED) -> int:
        """Number of prompts that ``claim_next`` could claim one after the other."""
        return min(len(self._pending(selection)), at_most)

    @transaction
    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first prompt that waits for a retry is due, in UTC; None if none waits."""
        waiting = self._waiting()
        return min(
            (waiting[row.id] for row in self._pending(selection) if row.id in waiting), default=None
        )

    @transaction
    def explain_loss(self, claim: Claim) -> str:
        """Why an outcome was refused: what changed, in one sentence for the log."""
        row = self.database.prompts.get(claim.prompt_id)
        render = self.database.renders.get(claim.render_id)
        if row is None:
            return "another program deleted this prompt"
        if render is not None and render.outcome is Outcome.CANCELLED:
            return "a person cancelled it"
        if render is None or render.outcome is Outcome.ABANDONED:
            return "another worker took it over because this one wrote no heartbeat"
        if row.status != "completed":
            return f"another program set its status to {row.status!r}"
        if row.output_reference != render.output_reference:
            return "another program gave it another writing"
        return f"another program set its artifact_status to {row.artifact_status!r}"

    @transaction
    def cancel(self, prompt_id: int, *, requeue: bool) -> str | None:
        """Take a prompt that is pending or being rendered out of the queue."""
        move = Move.GIVE_BACK if requeue else Move.CANCEL
        row = self.database.prompts.get(prompt_id)
        kind = row and Kind.of_prompt_type(row.prompt_type)
        source = next((old for old in sources(move) if row and row.artifact_status == old), None)
        if row is None or not kind or source is None:
            return self._why_not(prompt_id)
        message = None if requeue else _CANCELLED.explain()
        target = after(source, move).value
        self.database.prompts[row.id] = replace(row, artifact_status=target, error_message=message)
        self.database.close_live(row.id, Outcome.CANCELLED, _CANCELLED, self._clock.now())
        if not requeue:
            self.database.priorities.pop(row.id, None)
        self._cancel_acceptance(row.id)
        self._forget_retries(row.id)
        return None

    @transaction
    def cancel_many(self, prompt_ids: Sequence[int], *, requeue: bool) -> Requeued:
        """``cancel`` for many prompts."""
        reasons = {id_: self.cancel(id_, requeue=requeue) for id_ in dict.fromkeys(prompt_ids)}
        moved = tuple(id_ for id_, reason in reasons.items() if reason is None)
        return Requeued(moved, {id_: reason for id_, reason in reasons.items() if reason})

    @transaction
    def move(self, prompt_ids: Sequence[int], place: Place) -> Requeued:
        """Give pending prompts another place in the queue."""
        known = [0, *self.database.priorities.values()]
        ends = {"front": max(10**6, *known) + 1, "back": min(known) - 1}
        moved: list[int] = []
        refused: dict[int, str] = {}
        for prompt_id in dict.fromkeys(prompt_ids):
            reason = self._why_not(prompt_id)
            if reason == "it is pending":
                priority = ends[place] if isinstance(place, str) else place
                self.database.priorities[prompt_id] = priority
                moved.append(prompt_id)
            else:
                refused[prompt_id] = reason
        return Requeued(tuple(moved), refused)

    @transaction
    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Put finished or failed prompts back in the queue, and clear their errors."""
        moves = (Move.RETRY, Move.RENEW) if again else (Move.RETRY,)
        moved: list[int] = []
        refused: dict[int, str] = {}
        for prompt_id in dict.fromkeys(prompt_ids):
            row = self.database.prompts.get(prompt_id)
            move = next((m for m in moves if row and row.artifact_status in sources(m)), None)
            if row is None or Kind.of_prompt_type(row.prompt_type) is None or move is None:
                refused[prompt_id] = self._why_not(prompt_id)
            else:
                self.database.move(replace(row, error_message=None), move)
                self._forget_retries(prompt_id)
                moved.append(prompt_id)
        return Requeued(tuple(moved), refused)

    @transaction
    def requeue_errors(self, except_ids: Collection[int] = ()) -> Requeued:
        """Put every failed prompt back in the queue."""
        errors = [
            row.id
            for row in self.database.prompts.values()
            if shown_status(row.artifact_status, row.error_message) == "error"
            and row.status == "completed"
            and Kind.of_prompt_type(row.prompt_type)
        ]
        return self.requeue(sorted(set(errors).difference(except_ids)), again=False)

    def _place(self, row: PromptRow) -> tuple[int, tuple[bool, str, int]]:
        """A key that sorts prompts as they are claimed."""
        urgency, age = row.urgency_and_age()
        own = urgency if self._by_priority else -5
        return -self.database.priorities.get(row.id, -own), age

    def _pending(self, selection: Selection) -> list[PromptRow]:
        return [
            row
            for row in self.database.prompts.values()
            if row.status == "completed"
            and row.artifact_status == "pending"
            and row.output_reference in self.database.writings
            and Kind.of_prompt_type(row.prompt_type) in selection.kinds
            and (selection.only is None or row.id in selection.only)
            and row.id not in selection.excluding
        ]

    def _waiting(self) -> dict[int, datetime]:
        """When each prompt that waits for a retry is due."""
        # A later render ends a wait for good, even if the clock is set back.
        last = {render.prompt_id: render for render in self.database.renders.values()}
        now = self._clock.now()
        return {
            prompt_id: render.retry_at
            for prompt_id, render in last.items()
            if render.retry_at is not None and now < render.retry_at <= now + _MAX_WAIT
        }

    def _end(
        self,
        claim: Claim,
        outcome: Outcome,
        seconds: float,
        failure: Failure | None,
        retry_at: datetime | None = None,
    ) -> bool:
        render = self.database.renders.get(claim.render_id)
        if render is None or render.outcome is not None:
            return False
        row = self.database.unchanged(render)
        if row is not None:
            self.database.check(_WRITES[Outcome.RELEASED if retry_at else outcome])
        gives_back = outcome is Outcome.RELEASED or retry_at is not None
        move = Move.GIVE_BACK if gives_back else CLOSING_MOVES[outcome]
        if row is not None and move is not None:
            message = failure.explain() if failure else None
            kept = row if gives_back else replace(row, error_message=message)
            self.database.move(kept, move)
            if not gives_back:
                self.database.priorities.pop(row.id, None)
        self.database.renders[claim.render_id] = replace(
            render,
            outcome=outcome if row else Outcome.SUPERSEDED,
            failure=failure,
            seconds=seconds,
            retry_at=retry_at if row else None,
            finished_at=self._clock.now(),
        )
        return row is not None

    def _may_end(self, claim: Claim) -> bool:
        render = self.database.renders.get(claim.render_id)
        if render is None or render.outcome is not None:
            return False
        return self.database.unchanged(render) is not None

    def _cancel_acceptance(self, prompt_id: int) -> None:
        renders = [
            render for render in self.database.renders.values() if render.prompt_id == prompt_id
        ]
        if renders and renders[-1].outcome in {Outcome.RELEASED, Outcome.ABANDONED}:
            last = replace(renders[-1], failure=_CANCELLED)
            self.database.renders[last.render_id] = last

    def _forget_retries(self, prompt_id: int) -> None:
        for render in list(self.database.renders.values()):
            if render.prompt_id == prompt_id and render.retry_at is not None:
                self.database.renders[render.render_id] = replace(render, retry_at=None)

    def _why_not(self, prompt_id: int) -> str:
        row = self.database.prompts.get(prompt_id)
        if row is None:
            return "there is no such prompt"
        if Kind.of_prompt_type(row.prompt_type) is None:
            return f"it is a {row.prompt_type}, which is not rendered"
        return status_sentence(row.artifact_status, row.error_message)
