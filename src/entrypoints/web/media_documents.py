"""A published file as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from domain.kind import Kind
from entrypoints.submitting.submission import short_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.gallery_rows import GalleryArtifact

_CARD_WIDTH: Final = 320  # pixels
_SONG_TAGS: Final = ("genre", "mood", "tempo")


def gallery_item(artifact: GalleryArtifact) -> dict[str, object]:
    """All that a card, the viewer and the details show.

    Metadata may be anybody's: what has not the type that is expected is left out.
    """
    said = artifact.metadata
    prompt = _text(said, "prompt") or artifact.prompt_text
    title = _text(said, "title") or short_title(prompt or "")
    kind = artifact.kind
    media = _address(artifact.file_path) if artifact.servable else None
    return {
        "artifact_id": artifact.id,
        "prompt_id": artifact.prompt_id,
        "kind": kind and kind.value,
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "title": title,
        "prompt": prompt,
        "negative_prompt": _text(said, "negative_prompt"),
        "tags": _tags(artifact),
        "seed": _whole(said, "seed"),
        "width": _whole(said, "width"),
        "height": _whole(said, "height"),
        "duration_seconds": _number(said, "duration_seconds"),
        "format": _text(said, "format"),
        "file_size": _whole(said, "file_size"),
        "workflow": _text(said, "workflow"),
        "renderer": _text(said, "renderer"),
        "created_at": artifact.created_at,
        "media_url": media,
        "thumbnail_url": _small(artifact, media) if kind is Kind.IMAGE and media else None,
        "peaks_url": f"/api/v1/peaks/{artifact.id}" if kind is Kind.AUDIO and media else None,
    }


def _small(artifact: GalleryArtifact, media: str) -> str:
    """Where a small copy of the preview is; of the file itself, where there is no preview."""
    other = artifact.preview_path != artifact.file_path and artifact.preview_servable
    small = _address(artifact.preview_path or "") if other else media
    return f"{small}?w={_CARD_WIDTH}"


def _address(path: str) -> str:
    return f"/api/media/{quote(path)}"


def _tags(artifact: GalleryArtifact) -> list[str]:
    if artifact.kind is Kind.AUDIO:
        named = (_text(artifact.metadata, name) for name in _SONG_TAGS)
        return [tag for tag in named if tag]
    tags = artifact.metadata.get("style_tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _text(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value else None


def _number(said: Mapping[str, object], name: str) -> float | None:
    value = said.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(said: Mapping[str, object], name: str) -> int | None:
    value = _number(said, name)
    return int(value) if value is not None and value == int(value) else None
