"""``/api/v1/gallery``: published files, newest first."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import quote

from flask import request
from msgspec import Meta
from msgspec.structs import replace

from application.ports.curation import MAX_RATING
from application.ports.gallery import GalleryQuery, Order, Shown
from domain.mark import SIDECAR, manifest_path
from domain.prompt import Kind
from entrypoints.submission import short_title
from entrypoints.web.api import (
    ListParameters,
    QueryText,
    QueryTime,
    Routes,
    RowId,
    bad_query,
    read_search,
    read_time,
)
from entrypoints.web.json_responses import Document, Time, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports.curation import Curated
    from application.ports.gallery import FoundPrompts, GalleryArtifact
    from entrypoints.web.services import Services

MAX_PAGE_SIZE: Final = 200  # files
MAX_SEED_DIGITS: Final = 20
_CURSOR: Final = re.compile(r"(?:(\d{1,18})\.)?(-?\d{1,18})", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,9}) ?[x×] ?(\d{1,9})", re.ASCII | re.IGNORECASE)
_NO_FILE: Final = {"media_url": None, "thumbnail_url": None, "peaks_url": None}
THUMBNAIL_WIDTH: Final = 320  # pixels
_MAX_SIMILAR: Final = 1000  # files
_UPDATE_SECONDS: Final = 0.2  # for what is new, before a search
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
    is_signed: Annotated[bool, Meta(description="whether the file has a C2PA manifest")]
    signature: Annotated[
        str | None,
        Meta(
            description="written; ingredient, if that manifest has the file's own one as an"
            " ingredient; sidecar, if it stands in a file of its own; present, if the file came"
            " with it; null if there is none"
        ),
    ]
    manifest_url: Annotated[
        str | None, Meta(description="address of the manifest in a file of its own")
    ]
    created_at: Time
    favourite: bool
    rating: Annotated[int, Meta(ge=0, le=MAX_RATING, description="0 for none")]
    hidden: Annotated[bool, Meta(description="whether lists leave it out")]
    own_tags: Annotated[list[str], Meta(description="tags that people gave it")]
    collections: Annotated[list[str], Meta(description="that it is in")]
    discarded_at: Annotated[
        Time, Meta(description="since when it is in the wastebasket; null if it is not")
    ]
    purged: Annotated[bool, Meta(description="whether the file was removed by way of that")]
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

    search: Annotated[
        QueryText | None,
        Meta(
            description="words that the prompt, its writing or its tags contain, as in"
            " /api/v1/search; the files of the newest prompts come first then"
        ),
    ] = None
    typing: Annotated[
        Literal["1"] | None,
        Meta(description="1: the last word of the search may be the beginning of one"),
    ] = None
    similar: Annotated[
        RowId | None,
        Meta(
            description="artifact_id of a picture: only files that look like it, encoded again or"
            " made smaller; the most similar first. Older files are compared once they were read"
            " in the background",
        ),
    ] = None
    favourite: Annotated[Literal["1"] | None, Meta(description="1: only favourites")] = None
    rating: Annotated[
        int, Meta(ge=0, le=MAX_RATING, description="only files that are rated at least so")
    ] = 0
    tag: Annotated[QueryText | None, Meta(description="only files with this tag of a person")] = (
        None
    )
    collection: Annotated[QueryText | None, Meta(description="only files in this collection")] = (
        None
    )
    shown: Annotated[
        Literal["visible", "hidden", "wastebasket", "all"],
        Meta(description="by default neither hidden files nor those in the wastebasket"),
    ] = "visible"
    workflow: Annotated[QueryText | None, Meta(description="only files of this workflow")] = None
    seed: Annotated[QueryText | None, Meta(description="only files with this seed: digits")] = None
    size: Annotated[
        QueryText | None, Meta(description="only pictures of this size, such as 1024x768")
    ] = None
    label: Annotated[
        QueryText | None, Meta(description="only files of prompts with this label")
    ] = None
    sort: Annotated[
        Literal["newest", "oldest", "rating", "size"],
        Meta(description="rating: the best first; size: the most pixels first"),
    ] = "newest"
    at: Annotated[
        QueryTime | None,
        Meta(
            description="begin with what was published at this time or before; with"
            " sort=newest, and without a cursor. A date includes the whole day"
        ),
    ] = None
    limit: Annotated[
        int, Meta(ge=1, le=MAX_PAGE_SIZE, description="maximum number of files in the answer")
    ] = 60


@routes.add("GET", "/api/v1/gallery", GalleryPage, tag="media", query=GalleryParameters)
def gallery(services: Services, query: GalleryParameters) -> GalleryPage:
    """Published files, newest first by default.

    What people hid and what is in the wastebasket is left out by default.
    """
    key, before = _position(query.cursor)
    jump = read_time("at", query.at, whole_day=True)
    if query.workflow or query.seed or query.size or query.sort == "size":
        services.fact_reader.refresh(services.curation())
    shown = services.gallery()
    if jump is not None and before is None and query.sort == "newest":
        before = shown.newest_before(jump)
    page = shown.page(
        GalleryQuery(
            **query.filters(),
            before=before,
            limit=query.limit,
            favourite=query.favourite is not None,
            rating=query.rating,
            tag=query.tag,
            collection=query.collection,
            shown=Shown(query.shown),
            workflow=query.workflow,
            seed=_seed(query.seed),
            size=_size(query.size),
            label=query.label,
            order=Order(query.sort),
            before_key=key,
            search=_found(services, query.search, is_typed=query.typing is not None),
            similar=_similar(services, query.similar),
        )
    )
    items = gallery_items(services, page.artifacts)
    return GalleryPage(items, _cursor(page.next, page.next_key))


def _position(cursor: str | None) -> tuple[int | None, int | None]:
    """The key and the id of a place in the order."""
    if cursor is None:
        return None, None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise bad_query("cursor", "does not come from an earlier answer; start without it")
    return int(match[1] or 0), int(match[2])


def _found(services: Services, text: str | None, *, is_typed: bool) -> FoundPrompts | None:
    """What finds the prompts with these words; the index has taken in what is new."""
    if text is None:
        return None
    words = read_search("search", text, is_typed=is_typed)
    index = services.search()
    index.update(_UPDATE_SECONDS)
    return partial(index.find_ids, words)


def _similar(services: Services, artifact_id: int | None) -> Sequence[tuple[int, int]] | None:
    """The files that look like one, with their differences."""
    if artifact_id is None:
        return None
    artifact = services.gallery().artifact_by_id(artifact_id)
    return services.similar(artifact)[:_MAX_SIMILAR] if artifact else []


def _cursor(before: int | None, key: int | None) -> str | None:
    if before is None:
        return None
    return f"{key}.{before}" if key else str(before)


def _seed(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_SEED_DIGITS):
        raise bad_query("seed", "must be digits")
    return int(text)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise bad_query("size", "must be width and height in pixels, such as 1024x768")
    return int(match[1]), int(match[2])


def gallery_items(services: Services, artifacts: Sequence[GalleryArtifact]) -> list[GalleryItem]:
    """Rows as items of the gallery, with what people did with them."""
    base = request.script_root
    curated = services.curation().of([artifact.id for artifact in artifacts])
    return [
        _with_curation(gallery_item(artifact, base), curated.get(artifact.id))
        for artifact in artifacts
    ]


def _with_curation(item: GalleryItem, curated: Curated | None) -> GalleryItem:
    if curated is None:
        return item
    return replace(
        item,
        favourite=curated.favourite,
        rating=curated.rating,
        hidden=curated.hidden,
        own_tags=list(curated.tags),
        collections=list(curated.collections),
        discarded_at=iso(curated.discarded_at),
        purged=curated.is_purged,
        **(_NO_FILE if curated.is_purged else {}),
    )


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
        signature=_text(mark, "signature"),
        manifest_url=(
            _media_url(manifest_path(artifact.file_path), base)
            if media_url and _text(mark, "signature") == SIDECAR
            else None
        ),
        created_at=artifact.created_at,
        favourite=False,
        rating=0,
        hidden=False,
        own_tags=[],
        collections=[],
        discarded_at=None,
        purged=False,
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
