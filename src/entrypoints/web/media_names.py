"""What a file is called by whoever saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from application.ports.gallery_rows import GalleryArtifact


def saved_name(artifact: GalleryArtifact, path: str) -> str:
    """A song's title, or the prompt's number before the file's own name.

    Scripts call all their files alike: in one folder of downloads they would get in each other's
    way.
    """
    own = path.rpartition("/")[2]
    title = artifact.metadata.get("title")
    if artifact.kind is Kind.AUDIO and isinstance(title, str) and title.strip():
        return f"{title.strip()}.{own.rpartition('.')[2]}"
    return own if artifact.prompt_id is None else f"{artifact.prompt_id}_{own}"
