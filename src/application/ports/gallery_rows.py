"""What the gallery tells of published files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.kind import Kind
from domain.served_path import is_servable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_KINDS: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class GalleryQuery:
    """Which artifacts are wanted.

    Attributes:
        kind: None for all, those of a type that is not ours among them.
        status: ``artifact_status`` of the prompt; None for all.
        text: must occur in the prompt's text or in its writing (where the prompt is gone: in the
            metadata), whatever the case of ASCII letters.
        since: made at this moment or later (with its zone).
        until: made before this moment (with its zone).
        before: only artifacts with smaller ids: ``next`` of the page before.
        limit: at most so many, at least 1.
    """

    kind: Kind | None = None
    status: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 60


@dataclass(frozen=True, slots=True)
class GalleryArtifact:
    """One row of ``prompt_artifacts``, whoever wrote it, and what its prompt says.

    Attributes:
        prompt_id: as the row has it; None when that is no number.
        artifact_type: as the row has it.
        file_path: likewise; see ``servable``.
        preview_path: likewise.
        metadata: a JSON object, {} where the column holds none. Numbers are finite.
        created_at: ISO 8601, or None.
        prompt_text: what a person asked for, or None when the prompt is gone.
        prompt_status: its ``artifact_status``, or None when it is gone or has none.
    """

    id: int
    prompt_id: int | None
    artifact_type: str
    file_path: str
    preview_path: str | None
    metadata: Mapping[str, object] = field(hash=False)
    created_at: str | None
    prompt_text: str | None
    prompt_status: str | None

    @property
    def kind(self) -> Kind | None:
        """What it is, or None when it is neither of ours."""
        return _KINDS.get(self.artifact_type)

    @property
    def servable(self) -> bool:
        """Whether ``file_path`` is a plain path below the output root; other files stay closed."""
        return is_servable(self.file_path)

    @property
    def preview_servable(self) -> bool:
        """Whether there is a ``preview_path``, and it is such a path."""
        return self.preview_path is not None and is_servable(self.preview_path)


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """Some artifacts.

    Attributes:
        artifacts: newest first.
        next: ``before`` of the page that follows; None at the end.
    """

    artifacts: tuple[GalleryArtifact, ...]
    next: int | None
