"""The port to the leases: who holds which render, and taking over from the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from application.ports.artifact_store import RenderTrace
    from domain.failure import Failure
    from domain.render import Claim, LiveRender, WorkflowProcess


class RenderLeases(Protocol):
    """Live renders, seen by their owners and by everybody else.

    Every method is one transaction, and raises RepositoryError when the database cannot be
    used. Safe to use from one other thread than the repository's.
    """

    def beat(self, claim: Claim) -> bool:
        """Keep the lease. False when it is lost: the render is closed, or the prompt changed."""
        ...

    def holds(self, claim: Claim) -> bool:
        """Whether the lease is still ours, without writing anything."""
        ...

    def record_workflow(self, claim: Claim, workflow: WorkflowProcess) -> bool:
        """Remember what runs for a render, before it runs.

        False, and nothing written, when the lease is lost: the render is closed, or the prompt
        changed.
        """
        ...

    def live(self) -> Sequence[LiveRender]:
        """All live renders, whoever holds them."""
        ...

    def abandon(self, render: LiveRender, failure: Failure | None) -> bool:
        """Close a render whose owner is lost, and give its prompt back.

        Args:
            render: as it was seen; when its heartbeat moved meanwhile, nothing happens.
            failure: ends the prompt as error instead, once it was given back too often.

        Returns:
            Whether it was done; False when its owner, or somebody else, was faster.
        """
        ...

    def adopt(self, render: LiveRender) -> Claim | None:
        """Close a render whose owner is lost and open one of our own for the same prompt.

        For files that were finished but not published. None as False for abandon, or when the
        prompt was changed meanwhile.
        """
        ...

    def closed(self, traces: Collection[RenderTrace]) -> frozenset[RenderTrace]:
        """Those of the renders that are ours, have an outcome, and no live one beside them.

        A live render of the same prompt may be about to publish what an earlier one placed.
        """
        ...

    def named(self, file_paths: Collection[str]) -> frozenset[str]:
        """Those of the files that have a row."""
        ...
