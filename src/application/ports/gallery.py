"""The port to what the page shows: media, prompts, what waits and what failed.

Every text can be printed and encoded as UTF-8, whatever the columns hold. Times are ISO 8601 in
UTC, ``2026-01-06T21:30:45``, or None where a column holds no moment. Everything works without our
own tables. Every method raises RepositoryError when the database cannot be used, and its
subclass RepositoryBusyError when another program keeps it locked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from application.ports.gallery_history import History
    from application.ports.gallery_prompts import (
        FailedPrompt,
        PlainPrompt,
        PromptListQuery,
        PromptPage,
        WaitingPrompt,
    )
    from application.ports.gallery_rows import GalleryArtifact, GalleryPage, GalleryQuery
    from application.ports.prompt_catalogue import RenderRecord
    from domain.kind import Kind


class Gallery(Protocol):
    """Media and prompts, to look at. One object is used by one thread at a time."""

    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, newest first: the greatest id comes first.

        A page takes a bounded time: where few rows match, it may hold fewer than ``limit``, even
        none, and still have a ``next``; whoever wants more goes on with that.
        """
        ...

    def prompts(self, query: PromptListQuery) -> PromptPage:
        """Prompts of ours, newest first: by ``created_at`` as text, then by id.

        A page may be short, as above.
        """
        ...

    def artifact(self, path: str) -> GalleryArtifact | None:
        """An artifact whose ``file_path`` or ``preview_path`` is exactly this text, if one is.

        None as well where the path is not servable, whatever the rows say. A path that no page
        told of lately may cost a look at every row, so a caller that can see at once that there
        is no such file should not ask.
        """
        ...

    def artifact_by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact, or None when there is none with that id."""
        ...

    def artifacts_of(self, prompt_id: int) -> Sequence[GalleryArtifact] | None:
        """The artifacts of a prompt of any type, oldest first; None when there is no prompt."""
        ...

    def plain_prompts(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> Sequence[PlainPrompt]:
        """Rows of ``prompts`` as they are, newest first.

        Args:
            prompt_types: of any program; empty for all.
            status: ``prompts.status``; None for all.
            limit: at most so many.
        """
        ...

    def waiting(self, kind: Kind, limit: int) -> Sequence[WaitingPrompt]:
        """Pending prompts that have their writing, oldest first, those that wait for a retry too.

        How many there are in all is told by the catalogue's summary.
        """
        ...

    def failed(self, limit: int) -> Sequence[FailedPrompt]:
        """Prompts of ours that ended in error, the last one first."""
        ...

    def ended(self, limit: int) -> Sequence[RenderRecord]:
        """The last renders that have an outcome, the newest number first.

        Their times are ISO 8601 as all others here.
        """
        ...

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """What renders came to, over time.

        A render that ended later than some thousands that were claimed after it may be left out.

        Args:
            since: renders that ended before are left out (with its zone).
            bucket_seconds: the length of one bucket, at least 1.
        """
        ...
