"""What the page shows, in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapters.memory.database import transaction
from adapters.memory.gallery_prompts import (
    failed_prompts,
    listed_prompts,
    plain_prompts,
    render_record,
    waiting_prompts,
)
from adapters.memory.gallery_text import contains
from application.ports.gallery_rows import GalleryArtifact, GalleryPage
from application.render_sums import EndedRender, summed_up
from domain.metadata_reading import read_metadata
from domain.moment import iso_moment
from domain.served_path import is_servable
from domain.span import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from adapters.memory.database import ForeignArtifact, InMemoryDatabase
    from application.ports.clock import Clock
    from application.ports.gallery_history import History
    from application.ports.gallery_prompts import (
        FailedPrompt,
        PlainPrompt,
        PromptListQuery,
        PromptPage,
        WaitingPrompt,
    )
    from application.ports.gallery_rows import GalleryQuery
    from application.ports.prompt_catalogue import RenderRecord
    from domain.artifact import Artifact
    from domain.kind import Kind


class InMemoryGallery:
    """Keeps the promises of the port without a file; its pages are never short.

    Args:
        database: the tables.
        clock: tells which retries are due.
    """

    def __init__(self, database: InMemoryDatabase, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    @transaction
    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, newest first."""
        found = [each for each in reversed(self._all()) if self._matches(each, query)]
        shown = tuple(found[: query.limit])
        return GalleryPage(shown, shown[-1].id if len(found) > query.limit else None)

    @transaction
    def prompts(self, query: PromptListQuery) -> PromptPage:
        """Prompts of ours, newest first."""
        return listed_prompts(self.database, query, [each.prompt_id for each in self._all()])

    @transaction
    def artifact(self, path: str) -> GalleryArtifact | None:
        """An artifact that names the path, if one does."""
        if not is_servable(path):
            return None
        found = (each for each in self._all() if path in {each.file_path, each.preview_path})
        return next(found, None)

    @transaction
    def artifact_by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact, or None when there is none with that id."""
        return next((each for each in self._all() if each.id == artifact_id), None)

    @transaction
    def artifacts_of(self, prompt_id: int) -> Sequence[GalleryArtifact] | None:
        """The artifacts of a prompt of any type; None when there is no prompt."""
        if prompt_id not in self.database.prompts:
            return None
        return tuple(each for each in self._all() if each.prompt_id == prompt_id)

    @transaction
    def plain_prompts(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> Sequence[PlainPrompt]:
        """Rows of ``prompts`` as they are, newest first."""
        return plain_prompts(self.database, prompt_types, status)[:limit]

    @transaction
    def waiting(self, kind: Kind, limit: int) -> Sequence[WaitingPrompt]:
        """Pending prompts that have their writing, oldest first."""
        return waiting_prompts(self.database, kind, self._clock.now())[:limit]

    @transaction
    def failed(self, limit: int) -> Sequence[FailedPrompt]:
        """Prompts of ours that ended in error, the last one first."""
        return failed_prompts(self.database)[:limit]

    @transaction
    def ended(self, limit: int) -> Sequence[RenderRecord]:
        """The last renders that have an outcome, the newest number first."""
        renders = sorted(self.database.renders.items(), reverse=True)
        return tuple(render_record(row) for _, row in renders if row.outcome)[:limit]

    @transaction
    def history(self, since: datetime, bucket_seconds: int) -> History:
        """What renders came to, over time."""
        ended = [
            EndedRender(
                int(row.finished_at.timestamp()),
                row.kind,
                row.outcome,
                row.failure.code if row.failure else None,
                row.seconds,
            )
            for row in self.database.renders.values()
            if row.outcome and row.finished_at and row.finished_at >= since
        ]
        return summed_up(ended, max(1, bucket_seconds))

    def _all(self) -> list[GalleryArtifact]:
        ours = {
            number: self._ours(number, prompt_id, artifact)
            for number, (prompt_id, artifact) in enumerate(self.database.artifacts, start=1)
        }
        foreign = {
            number: self._foreign(number, row)
            for number, row in self.database.foreign_artifacts.items()
        }
        return [artifact for _, artifact in sorted((ours | foreign).items())]

    def _ours(self, number: int, prompt_id: int, artifact: Artifact) -> GalleryArtifact:
        return GalleryArtifact(
            number,
            prompt_id,
            artifact.kind.value,
            artifact.file_path,
            artifact.preview_path,
            read_metadata(json.dumps(artifact.metadata)),
            None,
            *self._said(prompt_id),
        )

    def _foreign(self, number: int, row: ForeignArtifact) -> GalleryArtifact:
        return GalleryArtifact(
            number,
            row.prompt_id,
            row.artifact_type,
            row.file_path,
            row.preview_path,
            read_metadata(row.metadata),
            iso_moment(row.created_at),
            *self._said(row.prompt_id),
        )

    def _said(self, prompt_id: int) -> tuple[str | None, str | None]:
        row = self.database.prompts.get(prompt_id)
        return (row.text, row.artifact_status) if row else (None, None)

    def _matches(self, artifact: GalleryArtifact, query: GalleryQuery) -> bool:
        row = self.database.prompts.get(artifact.prompt_id or 0)
        reference = row.output_reference if row else None
        texts = (
            (row.text, self.database.writings.get(reference or 0))
            if row
            else (json.dumps(artifact.metadata),)
        )
        return (
            (query.before is None or artifact.id < query.before)
            and (query.kind is None or artifact.kind is query.kind)
            and (query.status is None or artifact.prompt_status == query.status)
            and contains(texts, query.text)
            and Span(query.since, query.until).holds(artifact.created_at)
        )
