"""Changes of what people think of files: ratings, hidden files, tags, collections."""

from __future__ import annotations

import re
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from flask import Response
from msgspec import Meta
from werkzeug.wsgi import ClosingIterator

from application.ports.curation import (
    MAX_NAME_LENGTH,
    MAX_RATING,
    Changed,
    CurationChange,
    GroupKind,
)
from entrypoints.web.api import Answer, Routes, RowId, bad_body, bad_query
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Count, Document
from entrypoints.web.zip_archives import zip_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entrypoints.web.api import AnyHandler
    from entrypoints.web.services import Services

MAX_FILES: Final = 10_000
MAX_NAMES: Final = 50  # in one request
MAX_ZIP_IDS: Final = 60_000  # characters
_ZIPS: Final = BoundedSemaphore(2)  # each takes a thread of the server until its client has it all
_RANGE: Final = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)

routes = Routes()
blueprint = routes.blueprint

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
_Names = Annotated[list[_Name], Meta(max_length=MAX_NAMES)]
FileIds = Annotated[
    list[RowId], Meta(min_length=1, max_length=MAX_FILES, description="artifact_id of files")
]


class FilesBody(Document):
    """Which files."""

    ids: FileIds


class CurateBody(Document):
    """What to change of which files; what is left out stays as it is."""

    ids: FileIds
    favourite: bool | None = None
    rating: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_RATING)] | None, Meta(description="0 removes it")
    ] = None
    hidden: Annotated[bool | None, Meta(description="lists leave hidden files out")] = None
    add_tags: _Names = []  # noqa: RUF012 - msgspec copies it
    remove_tags: _Names = []  # noqa: RUF012 - likewise
    add_to: Annotated[_Names, Meta(description="names of collections, old or new")] = []  # noqa: RUF012 - likewise
    remove_from: Annotated[_Names, Meta(description="names of collections")] = []  # noqa: RUF012 - likewise


class ChangedFiles(Document):
    """Which files were changed."""

    changed: list[int]
    refused: Annotated[dict[str, str], Meta(description="reasons by id")]


class FileGroup(Document):
    """A tag or a collection."""

    name: str
    file_count: Count


class FileGroups(Document):
    """What files can be filtered by."""

    tags: list[FileGroup]
    collections: list[FileGroup]
    workflows: Annotated[list[str], Meta(description="names of workflows of published files")]


class RenameBody(Document):
    """A tag or a collection, and its new name."""

    sort: Literal["tag", "collection"]
    name: _Name
    new_name: Annotated[
        _Name | None, Meta(description="null removes it from all files; an old name joins both")
    ] = None


class Renamed(Document):
    """The new name."""

    name: str | None


def _change(name: str, body: type[Document], **facts: object) -> Callable[[AnyHandler], AnyHandler]:
    """Declare the decorated function as the handler of a change of files."""
    return routes.add(
        "POST",
        f"/api/v1/gallery/{name}",
        ChangedFiles,
        tag="media",
        body=body,
        body_required=True,
        **facts,
    )


@_change("curate", CurateBody)
def curate_files(services: Services, body: CurateBody) -> ChangedFiles:
    """Rate, hide and tag files, and add them to collections.

    The files and their rows stay as they are.
    """
    change = CurationChange(
        body.favourite,
        body.rating,
        body.hidden,
        _names(body.add_tags),
        _names(body.remove_tags),
        _names(body.add_to),
        _names(body.remove_from),
    )
    if change == CurationChange():
        raise bad_body("the body must have something to change besides 'ids'")
    return changed_files(services.curation().change(body.ids, change))


@routes.add("GET", "/api/v1/gallery/groups", FileGroups, tag="media")
def groups(services: Services) -> FileGroups:
    """The tags and collections of people, and the workflows of files."""
    curation = services.curation()
    services.fact_reader.refresh(curation)
    tags, collections = (
        [FileGroup(group.name, group.file_count) for group in curation.groups(sort)]
        for sort in (GroupKind.TAG, GroupKind.COLLECTION)
    )
    return FileGroups(tags, collections, list(curation.workflows()))


@routes.add(
    "POST",
    "/api/v1/gallery/rename",
    Renamed,
    tag="media",
    body=RenameBody,
    body_required=True,
    errors={404: "No such tag or collection"},
)
def rename_group(services: Services, body: RenameBody) -> Renamed:
    """Rename or remove a tag or a collection. The files stay."""
    new_name = body.new_name and " ".join(body.new_name.split())
    if body.new_name is not None and not new_name:
        raise bad_body("'new_name' must not be blank")
    if not services.curation().rename(GroupKind(body.sort), body.name, new_name):
        raise ApiError(404, "no_such_group", f"there is no {body.sort} {body.name!r}")
    return Renamed(new_name)


@_change("discard", FilesBody)
def discard_files(services: Services, body: FilesBody) -> ChangedFiles:
    """Put files into the wastebasket.

    Lists leave them out, and after 30 days the daemon removes the files. Until then they can be
    taken out again. Files that other programs published are refused.
    """
    return changed_files(services.curation().discard(body.ids))


@_change("restore", FilesBody)
def restore_files(services: Services, body: FilesBody) -> ChangedFiles:
    """Take files out of the wastebasket."""
    return changed_files(services.curation().restore(body.ids))


@_change("purge", FilesBody, errors={503: "The settings do not say where published files are"})
def purge_files(services: Services, body: FilesBody) -> ChangedFiles:
    """Remove files that are in the wastebasket now. This cannot be undone.

    Their rows stay, and requests for the files are answered with 410.

    Raises:
        ApiError: the settings do not say where published files are.
    """
    if services.published is None:
        message = "the settings do not say where published files are"
        raise ApiError(503, "output_root_unknown", message, "'mediagen doctor' says more.")
    emptied = services.wastebasket().empty_now(frozenset(body.ids))
    unknown = set(body.ids) - {*emptied.removed, *emptied.kept}
    refused = emptied.kept | dict.fromkeys(unknown, "it is not in the wastebasket")
    return changed_files(Changed(tuple(emptied.removed), refused))


class ZipParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files are packed."""

    ids: Annotated[
        str,
        Meta(
            max_length=MAX_ZIP_IDS,
            description="artifact_id of files, separated by commas; 5-9 stands for 5 to 9",
        ),
    ]


@routes.add(
    "GET",
    "/api/v1/gallery/zip",
    tag="media",
    query=ZipParameters,
    answers={200: Answer("The archive", media_types=("application/zip",))},
    errors={503: "Other archives are being sent"},
)
def zip_files(services: Services, query: ZipParameters) -> Response:
    """Files and their metadata as a ZIP archive.

    The files are stored as they are. Those that do not exist are left out; ``artifacts.jsonl`` has
    a line with the metadata of each file in the archive.
    """
    ids = _ranges(query.ids)
    if services.published is None:
        message = "the settings do not say where published files are"
        raise ApiError(503, "output_root_unknown", message, "'mediagen doctor' says more.")
    if not _ZIPS.acquire(blocking=False):
        message = "other archives are being sent just now"
        raise ApiError(503, "busy", message, "Try again in a moment.", {"Retry-After": "5"})
    # The thread that answers also sends the body: so the connection to the database may be used.
    chunks = zip_chunks(services.gallery(), services.curation(), services.published, ids)
    body = ClosingIterator(chunks, [chunks.close, _ZIPS.release])
    response = Response(body, content_type="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="media.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _ranges(text: str) -> list[int]:
    """The ids that a text like ``3,5-9`` names. Raises ApiError."""
    ids: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise bad_query("ids", "must be numbers and ranges, such as 3,5-9")
        first = int(match[1])
        last = int(match[2] or first)
        if last - first + len(ids) >= MAX_FILES:
            raise bad_query("ids", f"must name at most {MAX_FILES:,} files")
        ids += range(first, last + 1)
    return list(dict.fromkeys(ids))


def changed_files(result: Changed) -> ChangedFiles:
    """The result of a change as the API shows it."""
    refused = {str(number): reason for number, reason in result.refused.items()}
    return ChangedFiles(list(result.changed), refused)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    """Names without spaces around them. Raises ApiError if one is blank."""
    trimmed = tuple(" ".join(name.replace("\0", " ").split()) for name in names)
    if not all(trimmed):
        raise bad_body("the name of a tag or a collection must not be blank")
    return trimmed
