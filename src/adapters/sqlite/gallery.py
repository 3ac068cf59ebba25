"""What the page shows, from SQLite; works without our own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sqlite.gallery_artifacts import GalleryArtifacts
from adapters.sqlite.gallery_prompts import GalleryPrompts
from adapters.sqlite.gallery_renders import GalleryRenders
from adapters.sqlite.known_paths import KnownPaths
from adapters.sqlite.shape import check_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from adapters.sqlite.connection import Connection
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


class SqliteGallery:
    """Reads media, prompts and renders.

    Args:
        connection: to the database.
        known: paths that were seen; one for all galleries of the same database, so that what one
            thread listed another finds at once.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(self, connection: Connection, known: KnownPaths | None = None) -> None:
        check_shape(connection)
        self._artifacts = GalleryArtifacts(connection, known or KnownPaths())
        self._prompts = GalleryPrompts(connection)
        self._renders = GalleryRenders(connection)

    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, newest first."""
        return self._artifacts.page(query)

    def prompts(self, query: PromptListQuery) -> PromptPage:
        """Prompts of ours, newest first."""
        return self._prompts.page(query)

    def artifact(self, path: str) -> GalleryArtifact | None:
        """An artifact that names the path, if one does."""
        return self._artifacts.by_path(path)

    def artifact_by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact, or None when there is none with that id."""
        return self._artifacts.by_id(artifact_id)

    def artifacts_of(self, prompt_id: int) -> Sequence[GalleryArtifact] | None:
        """The artifacts of a prompt of any type; None when there is no prompt."""
        return self._artifacts.of_prompt(prompt_id)

    def plain_prompts(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> Sequence[PlainPrompt]:
        """Rows of ``prompts`` as they are, newest first."""
        return self._prompts.plain(prompt_types, status, limit)

    def waiting(self, kind: Kind, limit: int) -> Sequence[WaitingPrompt]:
        """Pending prompts that have their writing, oldest first."""
        return self._prompts.waiting(kind, limit)

    def failed(self, limit: int) -> Sequence[FailedPrompt]:
        """Prompts of ours that ended in error, the last one first."""
        return self._prompts.failed(limit)

    def ended(self, limit: int) -> Sequence[RenderRecord]:
        """The last renders that have an outcome, the newest number first."""
        return self._renders.ended(limit)

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """What renders came to, over time."""
        return self._renders.history(since, bucket_seconds)
