"""The port to the queue: claims, and the ends of renders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.render import Claim


class RepositoryError(Exception):
    """The database cannot be used; the message says which, why and what to do."""


class RepositoryBusyError(RepositoryError):
    """Another program kept the database locked for longer than the wait."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pending prompts are wanted.

    Attributes:
        kinds: of the prompts.
        only: take these and no others; None means any.
        excluding: do not take these.
    """

    kinds: frozenset[Kind] = frozenset(Kind)
    only: frozenset[int] | None = None
    excluding: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Requeued:
    """What became of prompts that were to be rendered anew.

    Attributes:
        moved: ids that are pending again.
        refused: ids that stayed as they are, with the reason.
    """

    moved: tuple[int, ...]
    refused: Mapping[int, str]


class PromptRepository(Protocol):
    """The prompts that wait, and the renders that hold them.

    Every method is one transaction. A render is live from its claim until it is closed; only
    a live render whose prompt still says ``processing`` can publish, fail or release.
    ``seconds`` is how long a render took, for its record. Every method raises RepositoryError
    when the database cannot be used.
    """

    def claim_next(self, selection: Selection) -> Claim | None:
        """Claim the first pending prompt that has a writing, or None when there is none.

        The first is the oldest: the one with the smallest ``created_at``, compared as text
        with NULL first, then the smallest id. A repository that goes by priority compares
        that before, where prompts have one: the highest first, and none counts as 5. A live
        render of that prompt is closed as superseded.
        """
        ...

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing.

        False, and nothing inserted, when the render is not live any more or somebody else
        changed the prompt; the render is then closed as superseded.
        """
        ...

    def publish_and_claim(
        self, claim: Claim, artifacts: Sequence[Artifact], seconds: float, selection: Selection
    ) -> tuple[bool, Claim | None]:
        """``publish`` and then ``claim_next``, in one transaction: one wait for the disk."""
        ...

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt an error with the failure's text. False as for publish."""
        ...

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and remember why. False as for publish."""
        ...

    def postpone(self, claim: Claim, failure: Failure, seconds: float, retry_at: datetime) -> bool:
        """Close the render as failed, and make the prompt pending, but not before that time.

        False as for publish.
        """
        ...

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first of the prompts that wait for another try is due (UTC), if any waits."""
        ...

    def explain_loss(self, claim: Claim) -> str:
        """Who changed what, when an ending was refused: one sentence for the log."""
        ...

    def cancel(self, prompt_id: int, *, requeue: bool) -> str | None:
        """Take a prompt that is pending or being rendered out of the queue.

        It ends as error with the code ``cancelled``, or is pending again with ``requeue``; its
        render is closed as cancelled, and whoever holds it notices.

        Returns:
            None when it was done, else why it could not be.
        """
        ...

    def count_pending(self, selection: Selection) -> int:
        """How many prompts ``claim_next`` could take one after the other."""
        ...

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Make prompts that ended pending again, and forget their errors.

        Args:
            prompt_ids: of the prompts.
            again: take ready prompts too, for a new render beside the old files.
        """
        ...

    def requeue_errors(self) -> Requeued:
        """Make every prompt that ended in error pending again."""
        ...
