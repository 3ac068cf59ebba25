"""``/api/v1/gallery``: published files, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

from flask import request
from msgspec import Meta

from application.ports.gallery import GalleryQuery
from domain.prompt import Kind
from entrypoints.submission import short_title
from entrypoints.web.api import ListParameters, Routes, bad_query
from entrypoints.web.json_responses import Document, Time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.gallery import GalleryArtifact
    from entrypoints.web.services import Services

MAX_PAGE_SIZE: Final = 200  # files
MAX_CURSOR_DIGITS: Final = 18
THUMBNAIL_WIDTH: Final = 320  # pixels
_SONG_TAGS: Final = ("genre", "mood", "tempo")

routes = Routes()
blueprint = routes.blueprint


class GalleryItem(Document):
    """A published file, with everything that a card and the details show."""

    artifact_id: int
    prompt_id: int | None
    kind: Annotated[
        Kind | None, Meta(description="null if another program published something else")
    ]
    file_path: str
    preview_path: str | None
    title: Annotated[str, Meta(description="title of the song, or the beginning of the prompt")]
    prompt: str | None
    negative_prompt: str | None
    tags: Annotated[
        list[str], Meta(description="style tags of an image; genre, mood and tempo of a song")
    ]
    seed: int | None
    width: Annotated[int | None, Meta(description="pixels")]
    height: Annotated[int | None, Meta(description="pixels")]
    duration_seconds: float | None
    format: Annotated[str | None, Meta(description="such as png or mp3")]
    file_size: Annotated[int | None, Meta(description="bytes")]
    workflow: str | None
    renderer: str | None
    source_type: Annotated[
        str | None,
        Meta(
            description="term of the IPTC vocabulary that the mark in the file states, such as"
            " trainedAlgorithmicMedia; null if it has none"
        ),
    ]
    is_signed: Annotated[bool, Meta(description="whether the file holds a C2PA manifest")]
    created_at: Time
    media_url: Annotated[
        str | None, Meta(description="address of the file; null if its path cannot be served")
    ]
    thumbnail_url: Annotated[
        str | None, Meta(description="address of a small WebP; null for audio")
    ]
    peaks_url: Annotated[str | None, Meta(description="address of the waveform; null for an image")]


class GalleryPage(Document):
    """One page of published files."""

    items: Annotated[
        list[GalleryItem],
        Meta(
            description="newest first; may be fewer than limit, even none, although next_cursor is"
            " not null"
        ),
    ]
    next_cursor: Annotated[str | None, Meta(description="cursor of the next page; null at the end")]


class GalleryParameters(ListParameters, frozen=True):
    """Which files are listed."""

    limit: Annotated[
        int, Meta(ge=1, le=MAX_PAGE_SIZE, description="maximum number of files in the answer")
    ] = 60


@routes.add("GET", "/api/v1/gallery", GalleryPage, tag="media", query=GalleryParameters)
def gallery(services: Services, query: GalleryParameters) -> GalleryPage:
    """Published files, newest first."""
    page = services.gallery().page(
        GalleryQuery(**query.filters(), before=position_of(query.cursor), limit=query.limit)
    )
    base = request.script_root
    items = [gallery_item(artifact, base) for artifact in page.artifacts]
    return GalleryPage(items, None if page.next is None else str(page.next))


def position_of(cursor: str | None) -> int | None:
    """The id that a cursor stands for. Raises ApiError if it is no cursor."""
    if cursor is None:
        return None
    digits = cursor.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_CURSOR_DIGITS):
        raise bad_query("cursor", "does not come from an earlier answer; start without it")
    return int(cursor)


def gallery_item(artifact: GalleryArtifact, base: str) -> GalleryItem:
    """A row of ``prompt_artifacts`` as an item of the gallery.

    Other programs write metadata too: values of an unexpected type are left out. The item is made
    once for as long as the row stays in memory, and no caller changes it.

    Args:
        artifact: the row.
        base: stands before every address: "" or a path.
    """
    name = f"item {base}"
    item = artifact.derived.get(name)
    if not isinstance(item, GalleryItem):
        item = artifact.derived[name] = _new_item(artifact, base)
    return item


def _new_item(artifact: GalleryArtifact, base: str) -> GalleryItem:
    metadata = artifact.metadata
    prompt = _text(metadata, "prompt") or artifact.prompt_text
    kind = artifact.kind
    stated = metadata.get("mark")
    mark: Mapping[str, object] = stated if isinstance(stated, dict) else {}
    media_url = _media_url(artifact.file_path, base) if artifact.servable else None
    return GalleryItem(
        artifact_id=artifact.id,
        prompt_id=artifact.prompt_id,
        kind=kind,
        file_path=artifact.file_path,
        preview_path=artifact.preview_path,
        title=_text(metadata, "title") or short_title(prompt or ""),
        prompt=prompt,
        negative_prompt=_text(metadata, "negative_prompt"),
        tags=_tags(artifact),
        # A seed that did not reach the workflow would not reproduce the file.
        seed=None if metadata.get("seed_passed") is False else _integer(metadata, "seed"),
        width=_integer(metadata, "width"),
        height=_integer(metadata, "height"),
        duration_seconds=_number(metadata, "duration_seconds"),
        format=_text(metadata, "format"),
        file_size=_integer(metadata, "file_size"),
        workflow=_text(metadata, "workflow"),
        renderer=_text(metadata, "renderer"),
        source_type=_text(mark, "source_type"),
        is_signed=bool(_text(mark, "signature")),
        created_at=artifact.created_at,
        media_url=media_url,
        thumbnail_url=(
            _thumbnail_url(artifact, media_url, base) if kind is Kind.IMAGE and media_url else None
        ),
        peaks_url=(
            f"{base}/api/v1/peaks/{artifact.id}" if kind is Kind.AUDIO and media_url else None
        ),
    )


def _thumbnail_url(artifact: GalleryArtifact, media_url: str, base: str) -> str:
    """Address of a small copy: of the preview, or of the file itself if there is no preview."""
    has_preview = artifact.preview_path != artifact.file_path and artifact.preview_servable
    url = _media_url(artifact.preview_path or "", base) if has_preview else media_url
    return f"{url}?w={THUMBNAIL_WIDTH}"


def _media_url(path: str, base: str) -> str:
    return f"{base}/api/media/{quote(path)}"


def _tags(artifact: GalleryArtifact) -> list[str]:
    if artifact.kind is Kind.AUDIO:
        song_tags = (_text(artifact.metadata, name) for name in _SONG_TAGS)
        return [tag for tag in song_tags if tag]
    tags = artifact.metadata.get("style_tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _text(metadata: Mapping[str, object], name: str) -> str | None:
    value = metadata.get(name)
    return value if isinstance(value, str) and value else None


def _number(metadata: Mapping[str, object], name: str) -> float | None:
    value = metadata.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(metadata: Mapping[str, object], name: str) -> int | None:
    value = _number(metadata, name)
    return int(value) if value is not None and value == int(value) else None
