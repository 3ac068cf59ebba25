"""The port to renders that ended long ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of one batch.

    Attributes:
        render_ids: of the renders that were removed.
        looked_up_to: the number of the last render of the batch, or None when it was the last.
    """

    render_ids: tuple[int, ...]
    looked_up_to: int | None


class RenderHistory(Protocol):
    """The renders of this database. Safe to use from several threads and several processes."""

    def forget_before(
        self, moment: datetime, *, after: int, limit: int, keep: Collection[int]
    ) -> Forgotten:
        """Look at one batch of renders, and remove those that nobody needs any more.

        A render stays while it is live, while it is the newest of its prompt (the next one
        goes on where it ended), and while it is younger than the moment. Numbers of renders
        that were removed are never given again. A batch is one short transaction at most.

        Args:
            moment: renders that ended before it may go (UTC).
            after: look at renders with greater numbers only, in the order of their numbers.
            limit: at how many.
            keep: numbers of renders that stay, however old.

        Raises:
            RepositoryError: the database cannot be used.
        """
        ...
