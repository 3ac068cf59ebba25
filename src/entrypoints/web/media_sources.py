"""Where published files come from: only what has a row is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.media_files.media_file import open_media
from entrypoints.web.errors import ApiError

if TYPE_CHECKING:
    from adapters.media_files.media_file import MediaFile
    from application.ports.gallery_rows import GalleryArtifact
    from entrypoints.web.services import Services


def published(services: Services, path: str) -> tuple[GalleryArtifact, MediaFile]:
    """The artifact that names a path, and its file, for the caller to close.

    Raises:
        ApiError: no row names it, or the file is not there, or cannot be read just now.
        RepositoryError: the database cannot be used.
    """
    artifact = services.gallery().artifact(path)
    if artifact is None:
        raise ApiError(404, "no_such_file", "no artifact has this path")
    return artifact, opened(services, artifact, path)


def opened(services: Services, artifact: GalleryArtifact, path: str) -> MediaFile:
    """The artifact's file, for the caller to close.

    Raises:
        ApiError: it is not there, or cannot be read just now.
    """
    if services.output_root is None:
        message = "the settings do not say where published files are"
        raise ApiError(503, "output_root_unknown", message, "'mediagen doctor' says more.")
    # What the row says is said of file_path; its preview may be another file.
    metadata = artifact.metadata if artifact.file_path == path else {}
    try:
        media = open_media(services.output_root, path, metadata)
    except OSError as error:
        raise unreadable(error) from error
    if media is None:
        hint = "It was moved or removed, or is a link; its row is still there."
        raise ApiError(404, "file_missing", "the file is not where its row says", hint)
    return media


def unreadable(error: OSError) -> ApiError:
    """The answer when the system could not read a file."""
    message = f"the file cannot be read just now ({error.strerror or error})"
    return ApiError(503, "file_unreadable", message, None, {"Retry-After": "1"})
