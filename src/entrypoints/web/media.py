"""Published files over HTTP: the files, thumbnails, waveforms, and previews of running renders.

Only files that an artifact row names are served, and the manifests beside them.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from flask import Response, request
from msgspec import Meta

from adapters.media_files.thumbnails import WIDTHS
from adapters.media_files.waveforms import LEVEL_COUNT
from application.ports.media_files import BusyError, InvalidMediaError
from domain.mark import MANIFEST, published_manifest
from domain.prompt import Kind
from entrypoints.web.api import Answer, Routes
from entrypoints.web.errors import ApiError
from entrypoints.web.file_responses import (
    SANDBOX,
    Validators,
    bodiless_response,
    file_response,
    media_headers,
)
from entrypoints.web.json_responses import Document, json_response

if TYPE_CHECKING:
    from application.ports.gallery import GalleryArtifact
    from application.ports.media_files import MediaFile, Thumbnails, Waveforms
    from entrypoints.web.services import Services

_DEFAULT_PARTS: Final = 400  # of a waveform
_WITHOUT_MANIFEST: Final = (".opus", ".ogg")  # files that cannot hold their own


_PEAK_COUNT: Final = Meta(ge=1, le=LEVEL_COUNT, description="number of peaks")
if TYPE_CHECKING:
    _Width = int
else:
    _Width = Literal[WIDTHS]

routes = Routes()
blueprint = routes.blueprint


class Peaks(Document):
    """The loudness of a song from its beginning to its end."""

    peaks: list[Annotated[float, Meta(ge=0, le=1)]]
    duration_seconds: Annotated[float, Meta(ge=0)]


class MediaParameters(msgspec.Struct, frozen=True):
    """How a file is sent."""

    w: Annotated[_Width | None, Meta(description="send a WebP of this width instead (images)")] = (
        None
    )
    download: Annotated[
        str | None,
        Meta(description="1 to save the file rather than to show it"),
        Meta(extra_json_schema={"enum": ["1"]}),  # other values have no effect
    ] = None


class PeaksParameters(msgspec.Struct, frozen=True):
    """How detailed a waveform is."""

    n: Annotated[int, _PEAK_COUNT] = _DEFAULT_PARTS


@routes.add(
    "GET",
    "/api/media/<path:file_path>",
    tag="contract",
    query=MediaParameters,
    request_headers={"Range": "such as bytes=0-1023"},
    answers={
        200: Answer(
            "The file",
            media_types=("*/*",),
            headers={"ETag": "identifies the content", "Accept-Ranges": "bytes"},
        ),
        206: Answer("A part of the file", media_types=("*/*",)),
        304: Answer("The client has the current content"),
        307: Answer(
            "The file is at this address in the object store for a quarter of an hour, with"
            " media.storage.signed_links",
            headers={"Location": "address of the file, with a signature"},
        ),
    },
    errors={
        404: "No such file, or no row for it",
        410: "The file was purged by way of the wastebasket",
        412: "If-Match or If-Unmodified-Since names other content",
        416: "The range is outside of the file",
        422: "Unknown width, or the file has no thumbnail",
    },
)
def media(services: Services, file_path: str, query: MediaParameters) -> Response:
    """A published file.

    Only files that have a row are served, and manifests beside them. The content decides the type.
    Ranges and conditional requests are supported.
    """
    artifact = services.gallery().artifact(file_path)
    if artifact is None:
        artifact = _owner_of_manifest(services, file_path)
    file = _open(services, artifact, file_path)
    if query.w is not None:
        thumbnail = _thumbnail_response(services.thumbnails, file, query.w)
        if thumbnail is not None:
            return thumbnail
    name, is_download = _download_name(artifact, file_path), query.download == "1"
    try:
        response = file_response(request, file, name, is_download=is_download)
    except OSError as error:
        raise _unreadable(error) from error
    if query.w is not None:  # the original in place of its thumbnail, this time
        response.headers["Cache-Control"] = "no-store"
        del response.headers["ETag"], response.headers["Last-Modified"]
    return response


class Measuring(Document):
    """The waveform is not known yet."""

    retry_after: Annotated[int, Meta(description="seconds to wait before asking again")]


@routes.add(
    "GET",
    "/api/v1/peaks/<row:artifact_id>",
    tag="media",
    query=PeaksParameters,
    answers={
        200: Answer(schema=Peaks),
        202: Answer(
            "Other songs are being measured; ask again",
            Measuring,
            headers={"Retry-After": "seconds to wait"},
        ),
        304: Answer("The client has the current content"),
    },
    errors={
        404: "No such song",
        410: "The file was purged by way of the wastebasket",
        412: "If-Match or If-Unmodified-Since names other content",
        422: "A parameter is invalid, or the file has no waveform",
    },
)
def peaks(services: Services, artifact_id: int, query: PeaksParameters) -> Response:
    """The waveform of a song."""
    artifact = services.gallery().artifact_by_id(artifact_id)
    if artifact is None:
        raise ApiError(404, "no_such_artifact", f"there is no artifact {artifact_id}")
    song = _open(services, artifact, artifact.file_path)
    with closing(song.file):
        return _peaks_response(services.waveforms, song, query.n)


class PreviewParameters(msgspec.Struct, frozen=True):
    """A parameter that only makes addresses differ."""

    v: Annotated[
        str | None, Meta(description="changes with each picture and defeats caches; is ignored")
    ] = None


@routes.add(
    "GET",
    "/api/renders/<row:render_id>/preview",
    tag="queue",
    query=PreviewParameters,
    answers={200: Answer("The picture", media_types=("image/jpeg", "image/png"))},
    errors={404: "The render has ended or has no picture"},
    database=False,
)
def render_preview(services: Services, render_id: int, query: PreviewParameters) -> Response:  # noqa: ARG001 - see PreviewParameters
    """The latest preview of an image that is being rendered.

    Only render servers send previews.
    """
    preview = services.live.preview(render_id)
    if preview is None:
        raise ApiError(404, "no_preview", f"render {render_id} has no preview now")
    response = Response(preview.picture, content_type=preview.media_type)
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def _open(services: Services, artifact: GalleryArtifact, path: str) -> MediaFile:
    """The artifact's file, to be closed by the caller; raises ApiError if it cannot be opened."""
    if services.published is None:
        message = "the settings do not say where published files are"
        raise ApiError(503, "output_root_unknown", message, "'mediagen doctor' says more.")
    # The row's metadata describe file_path; its preview may be another file.
    metadata = artifact.metadata if artifact.file_path == path else {}
    try:
        media = services.published.open(path, metadata)
    except OSError as error:
        raise _unreadable(error) from error
    if media is None:
        curated = services.curation().of([artifact.id]).get(artifact.id)
        if curated is not None and curated.is_purged:
            hint = "It was removed by way of the wastebasket; its row is still there."
            raise ApiError(410, "purged", "the file was purged", hint)
        hint = "It was moved or removed, or is a link; its row is still there."
        raise ApiError(404, "file_missing", "the file is not where its row says", hint)
    return media


def _owner_of_manifest(services: Services, path: str) -> GalleryArtifact:
    """The artifact whose manifest is a file of its own with this path; ApiError if there is none.

    Such a manifest has no row.
    """
    manifest = PurePosixPath(path)
    for suffix in _WITHOUT_MANIFEST if manifest.suffix == f".{MANIFEST}" else ():
        artifact = services.gallery().artifact(str(manifest.with_suffix(suffix)))
        if artifact and published_manifest(artifact.file_path, artifact.metadata) == path:
            return artifact
    raise ApiError(404, "no_such_file", "no artifact has this path")


def _unreadable(error: OSError) -> ApiError:
    message = f"the file cannot be read just now ({error.strerror or error})"
    return ApiError(503, "file_unreadable", message, None, {"Retry-After": "1"})


def _download_name(artifact: GalleryArtifact, path: str) -> str:
    """A song's title, or the prompt's number before the file's own name.

    Scripts use the same file names for every prompt: without the number, downloads would replace
    one another.
    """
    own = path.rpartition("/")[2]
    title = artifact.metadata.get("title")
    if artifact.kind is Kind.AUDIO and isinstance(title, str) and title.strip():
        return f"{title.strip()}.{own.rpartition('.')[2]}"
    return own if artifact.prompt_id is None else f"{artifact.prompt_id}_{own}"


def _thumbnail_response(thumbnails: Thumbnails, media: MediaFile, width: int) -> Response | None:
    """The thumbnail; None if too many others are being made, and then the file stays open."""
    validators = Validators(f"{media.identity}-{width}", media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    try:
        response = bodiless_response(request, validators, headers)
        if response is None:
            webp = thumbnails.webp(media, width)
            response = Response(webp, headers=headers, content_type="image/webp")
    except BusyError:
        return None
    except InvalidMediaError as error:
        media.file.close()
        raise ApiError(422, "no_thumbnail", f"there is no small copy: {error}") from error
    except OSError as error:
        media.file.close()
        raise _unreadable(error) from error
    except BaseException:
        media.file.close()
        raise
    media.file.close()
    return response


def _peaks_response(waveforms: Waveforms, media: MediaFile, parts: int) -> Response:
    validators = Validators(f"{media.identity}-{parts}", media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    response = bodiless_response(request, validators, headers)
    if response is not None:
        return response
    try:
        levels = waveforms.levels(media)
    except BusyError:
        return json_response(Measuring(retry_after=1), 202, {"Retry-After": "1"})
    except InvalidMediaError as error:
        raise ApiError(422, "no_peaks", f"there is no waveform: {error}") from error
    except OSError as error:
        raise _unreadable(error) from error
    document = Peaks(levels.in_parts(parts), levels.seconds)
    return json_response(document, headers=headers)
