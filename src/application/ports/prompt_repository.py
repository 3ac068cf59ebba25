"""The port to the queue: claims and outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.prompt import Writing
    from domain.render import Claim, WorkflowProcess


class RepositoryError(Exception):
    """The database cannot be used; the message says which one, why, and how to fix it."""


class RepositoryBusyError(RepositoryError):
    """Another program kept the database locked for longer than the wait."""


class WriteRefusedError(RepositoryError):
    """A constraint, trigger or index of the shared tables refuses a write; nothing was written.

    The message names the table and, if known, the column and the constraint.
    """

    @property
    def failure(self) -> Failure:
        """The error as the failure of a render, caused by the environment."""
        from domain.failure import Failure, FailureCode  # noqa: PLC0415 - slow to import, and rarely needed

        return Failure(FailureCode.DATABASE_CONSTRAINT, str(self))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pending prompts may be claimed.

    Attributes:
        kinds: the kinds of media.
        only: ids of the only prompts that may be claimed; None for any.
        excluding: ids of prompts that may not be claimed.
    """

    kinds: frozenset[Kind] = frozenset(Kind)
    only: frozenset[int] | None = None
    excluding: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pending prompt that could be claimed now.

    Attributes:
        prompt_id: the prompt.
        kind: its kind of media.
        writing: the one that is rendered; of several the last.
        urgency: equal for prompts among which only the age decides.
        config_name: the value of that column of ``prompts``; None where there is none.
        workflow: name of the workflow that a person chose for it, or None.
    """

    prompt_id: int
    kind: Kind
    writing: Writing
    urgency: object
    config_name: str | None = None
    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class Requeued:
    """Result of putting prompts back in the queue.

    Attributes:
        moved: ids of the prompts that are pending again.
        refused: why the others stayed as they are, by id.
    """

    moved: tuple[int, ...]
    refused: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Publication:
    """A render whose files are in place, to be published.

    Attributes:
        claim: of the render.
        artifacts: the files.
        seconds: running time of the render.
        is_copy: whether the files are those of an earlier prompt, so that nothing was rendered.
    """

    claim: Claim
    artifacts: Sequence[Artifact]
    seconds: float
    is_copy: bool = False


Waiting: TypeAlias = "Mapping[Kind, WorkflowProcess]"
"""The process that waits to render the next prompt of each kind, if there is one."""

UNLIMITED = 2**62
"""A number of prompts that no queue has."""

NO_PROCESSES: Waiting = MappingProxyType({})


Place: TypeAlias = Literal["front", "back"] | int
"""A place in the queue: one of its ends, or a priority from 1 to 10."""


class PromptRepository(Protocol):
    """Pending prompts, and the renders that hold the others.

    Every method is one transaction. A render is live from its claim until it is closed; only a
    live render whose prompt is still ``processing`` can publish, fail or release. ``seconds`` is
    the running time of a render, for its record. Every method raises RepositoryError if the
    database cannot be used, and WriteRefusedError if it refuses a write. Where that makes a write
    acceptable, NULL becomes an empty string, and an error message is shortened.
    """

    def rehearse(self, kind: Kind) -> Failure | None:
        """Why the database would refuse the outcome of a render of a kind, or None.

        A claim, a publication, a failure with a long message and a release are written and
        rolled back for the first pending prompts of the kind; the database must refuse them for
        each of these prompts. None also if no prompt of the kind can be claimed. Cheap after a
        success, as long as the tables do not change.
        """
        ...

    def claim_next(self, selection: Selection, processes: Waiting = NO_PROCESSES) -> Claim | None:
        """Claim the first pending prompt that has a writing; None if there is none.

        The first prompt is the oldest: the smallest ``created_at``, compared as text with NULL
        first, then the smallest id. A repository that uses priorities compares these before:
        the highest first, and a missing one counts as 5. A live render of the prompt is closed as
        superseded. The process that waits for its kind is recorded as that of the render.
        """
        ...

    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        """The first prompts that ``claim_next`` would claim one after the other, in its order.

        Args:
            selection: the prompts that may be claimed.
            limit: maximum number of prompts.
        """
        ...

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing.

        False, and nothing inserted, if the render is no longer live or another program changed
        the prompt; the render is then closed as superseded.
        """
        ...

    def publish_and_claim(
        self,
        publications: Sequence[Publication],
        selection: Selection | None = None,
        limit: int = 1,
        processes: Waiting = NO_PROCESSES,
    ) -> tuple[tuple[bool, ...], tuple[Claim, ...]]:
        """``publish`` for each, then ``claim_next`` up to a limit, in one transaction.

        So many prompts wait for the disk once. If the database refuses any of the writes, nothing
        is written, neither for this prompt nor for the others. A render that is no longer live, or
        whose prompt was changed, does not keep the others from being published.

        Args:
            publications: in the order in which they are published.
            selection: the prompts to claim; None for no claim.
            limit: maximum number of claims.
            processes: that wait, each recorded with the first claim of its kind.

        Returns:
            For each publication what ``publish`` returns, and the claims in their order.
        """
        ...

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """End the prompt as failed, with the failure's text. False as for ``publish``."""
        ...

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and record why. False as for ``publish``."""
        ...

    def postpone(self, claim: Claim, failure: Failure, seconds: float, retry_at: datetime) -> bool:
        """Close the render as failed, and make the prompt pending from a later time on.

        False as for ``publish``.
        """
        ...

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first prompt that waits for a retry is due, in UTC; None if none waits."""
        ...

    def explain_loss(self, claim: Claim) -> str:
        """Why an outcome was refused: what changed, in one sentence for the log."""
        ...

    def cancel(self, prompt_id: int, *, requeue: bool) -> str | None:
        """Take a prompt that is pending or being rendered out of the queue.

        Its render is closed as cancelled, and the worker that holds it notices.

        Args:
            prompt_id: the prompt.
            requeue: whether it becomes pending again instead of ending in error.

        Returns:
            None on success, otherwise why it could not be cancelled.
        """
        ...

    def cancel_many(self, prompt_ids: Sequence[int], *, requeue: bool) -> Requeued:
        """``cancel`` for many prompts, in a few transactions; those that moved, and why not.

        Args:
            prompt_ids: the prompts.
            requeue: whether prompts that are being rendered go back to the queue instead.
        """
        ...

    def move(self, prompt_ids: Sequence[int], place: Place) -> Requeued:
        """Give pending prompts another place in the queue; no column of ``prompts`` changes.

        The place is kept until the prompt ends, also over retries.

        Args:
            prompt_ids: the prompts; among themselves they keep their order.
            place: "front" (before everything, also what was moved there earlier), "back", or a
                priority from 1 to 10, of which 5 is the usual one.
        """
        ...

    def count_pending(self, selection: Selection, at_most: int = UNLIMITED) -> int:
        """Number of prompts that ``claim_next`` could claim one after the other.

        Args:
            selection: the prompts that count.
            at_most: where counting ends; a million takes a while.
        """
        ...

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Put finished or failed prompts back in the queue, and clear their errors.

        Args:
            prompt_ids: ids of the prompts.
            again: whether ready prompts are accepted too, for a new render beside the old files.
        """
        ...

    def requeue_errors(self, except_ids: Collection[int] = ()) -> Requeued:
        """Put every failed prompt back in the queue, except those that a person cancelled.

        Args:
            except_ids: prompts that are left alone, too.
        """
        ...
