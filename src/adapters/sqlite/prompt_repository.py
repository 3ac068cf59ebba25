"""The queue in SQLite: claims by compare-and-set, endings only for the live render."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import prepare_bookkeeping
from adapters.sqlite.claiming import Claiming
from adapters.sqlite.outbox import Outbox
from adapters.sqlite.rows import artifact_row, ends, error_message, failure_columns
from adapters.sqlite.shape import check_shape
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import Requeued
from domain.artifact_status import ArtifactStatus, Move, after, sources
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from domain.render import CLOSING_MOVES, Claim, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from adapters.sqlite.connection import Connection
    from application.ports.clock import Clock
    from application.ports.prompt_repository import Selection
    from domain.artifact import Artifact
    from domain.notice import Subscription
    from domain.worker import ProcessIdentity

_CANCELLED = Failure(FailureCode.CANCELLED, "a person cancelled this prompt")


class SqlitePromptRepository:
    """The shared database as a queue.

    Args:
        connection: to the database; this object is its only user.
        me: this process, the owner of the renders that are claimed.
        clock: tells which retries are due.
        create_indexes: whether to keep partial indexes on ``prompts``, under our own names.
        all_variants: render every linked writing of a prompt, not only the last.
        by_priority: take prompts of the highest priority first, where prompts have one.
        subscriptions: the hooks that are to be told how prompts ended.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(
        self,
        connection: Connection,
        me: ProcessIdentity,
        clock: Clock,
        *,
        create_indexes: bool,
        all_variants: bool,
        by_priority: bool = False,
        subscriptions: Collection[Subscription] = (),
    ) -> None:
        check_shape(connection)
        self._connection = connection
        self.database_id = prepare_bookkeeping(
            connection, create_indexes=create_indexes, by_priority=by_priority
        )
        self._claiming = Claiming(
            connection, me, clock, all_variants=all_variants, by_priority=by_priority
        )
        self._outbox = Outbox(connection, clock, subscriptions)
        self._sql = statements("endings")

    def claim_next(self, selection: Selection) -> Claim | None:
        """Claim the first pending prompt that has a writing, or None when there is none."""
        self._connection.check_identity()
        with self._connection.writing():
            return self._claiming.take_next(selection)

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing."""
        with self._connection.writing():
            return self._publish(claim, artifacts, seconds)

    def publish_and_claim(
        self, claim: Claim, artifacts: Sequence[Artifact], seconds: float, selection: Selection
    ) -> tuple[bool, Claim | None]:
        """``publish`` and then ``claim_next``, in one transaction: one wait for the disk."""
        self._connection.check_identity()
        with self._connection.writing():
            published = self._publish(claim, artifacts, seconds)
            return published, self._claiming.take_next(selection)

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt an error with the failure's text."""
        with self._connection.writing():
            failed = self._end(claim, Outcome.FAILED, seconds, failure)
            if failed:
                self._outbox.failed(claim, failure)
            return failed

    def postpone(self, claim: Claim, failure: Failure, seconds: float, retry_at: datetime) -> bool:
        """Close the render as failed, and make the prompt pending, but not before that time."""
        with self._connection.writing():
            return self._end(claim, Outcome.FAILED, seconds, failure, retry_at)

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and remember why."""
        with self._connection.writing():
            return self._end(claim, Outcome.RELEASED, seconds, failure)

    def count_pending(self, selection: Selection) -> int:
        """How many prompts ``claim_next`` could take one after the other."""
        return self._claiming.count_pending(selection)

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first of the prompts that wait for another try is due (UTC), if any waits."""
        return self._claiming.next_retry_at(selection)

    def explain_loss(self, claim: Claim) -> str:
        """Who changed what, when an ending was refused: one sentence for the log."""
        values = {"prompt_id": claim.prompt_id, "render_id": claim.render_id}
        found = self._connection.rows(self._sql["loss"], values)
        if not found:
            return "another program deleted this prompt"
        [(artifact_status, status, same_reference, outcome)] = found
        if outcome == Outcome.CANCELLED:
            return "a person cancelled it"
        if outcome == Outcome.ABANDONED:
            return "another worker took it over, since this one gave no sign of life"
        if status != "completed":
            return f"another program set its status to {status!r}"
        if not same_reference:
            return "another program gave it another writing"
        return f"another program set its artifact_status to {artifact_status!r}"

    def cancel(self, prompt_id: int, *, requeue: bool) -> str | None:
        """Take a prompt that is pending or being rendered out of the queue."""
        move = Move.GIVE_BACK if requeue else Move.CANCEL
        with self._connection.writing():
            for source in sources(move):
                if self._cancel(prompt_id, source, after(source, move)):
                    return None
            return self._why_not(prompt_id)

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Make prompts that ended pending again, and forget their errors."""
        moves = (Move.RETRY, Move.RENEW) if again else (Move.RETRY,)
        moved: list[int] = []
        refused: dict[int, str] = {}
        with self._connection.writing():
            for prompt_id in dict.fromkeys(prompt_ids):
                if any(self._requeue(prompt_id, move) for move in moves):
                    moved.append(prompt_id)
                else:
                    refused[prompt_id] = self._why_not(prompt_id)
        return Requeued(tuple(moved), refused)

    def requeue_errors(self) -> Requeued:
        """Make every prompt that ended in error pending again."""
        errors = self._connection.rows(self._sql["errors"])
        return self.requeue([prompt_id for (prompt_id,) in errors], again=False)

    def _publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        published = self._end(claim, Outcome.PUBLISHED, seconds, None)
        if published:
            for artifact in artifacts:
                row = artifact_row(claim.prompt_id, artifact)
                self._connection.change(self._sql["insert_artifact"], row)
            self._outbox.published(claim, artifacts)
        return published

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
        move = {
            "keep_message": gives_back,
            "error_message": error_message(failure),
            **ends(Move.GIVE_BACK if gives_back else CLOSING_MOVES[outcome]),
        }
        moved = self._connection.change(self._sql["move_prompt"], {**ids, **move})
        closing = {
            "outcome": (outcome if moved else Outcome.SUPERSEDED).value,
            "seconds": max(seconds, 0.0),
            "retry_at": retry_at.isoformat(timespec="milliseconds") if retry_at and moved else None,
            **failure_columns(failure),
        }
        self._connection.change(self._sql["close_render"], {**ids, **closing})
        return bool(moved)

    def _cancel(self, prompt_id: int, source: ArtifactStatus, target: ArtifactStatus) -> bool:
        failure = None if target is ArtifactStatus.PENDING else _CANCELLED
        moved = self._connection.change(
            self._sql["cancel_prompt"],
            {
                "prompt_id": prompt_id,
                "source": source.value,
                "target": target.value,
                "error_message": error_message(failure),
            },
        )
        if moved:
            closing = {"prompt_id": prompt_id, **failure_columns(_CANCELLED)}
            self._connection.change(self._sql["cancel_render"], closing)
            self._connection.change(self._sql["cancel_acceptance"], closing)
            self._connection.change(self._sql["forget_retries"], {"prompt_id": prompt_id})
        return bool(moved)

    def _requeue(self, prompt_id: int, move: Move) -> bool:
        moved = self._connection.change(
            self._sql["requeue"], {"prompt_id": prompt_id, **ends(move)}
        )
        if moved:
            self._connection.change(self._sql["forget_retries"], {"prompt_id": prompt_id})
        return bool(moved)

    def _why_not(self, prompt_id: int) -> str:
        found = self._connection.rows(self._sql["status_of"], {"prompt_id": prompt_id})
        if not found:
            return "there is no such prompt"
        [(prompt_type, status)] = found
        if Kind.of_prompt_type(prompt_type) is None:
            return f"it is a {prompt_type}, which is not rendered"
        return f"it is {status}"
