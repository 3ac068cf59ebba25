"""Changes of what people think of files: ratings, hidden files, tags, collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta

from application.ports.curation import (
    MAX_NAME_LENGTH,
    MAX_RATING,
    CurationChange,
    GroupKind,
)
from entrypoints.web.api import Routes, RowId, bad_body
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Count, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.curation import Changed
    from entrypoints.web.services import Services

MAX_FILES: Final = 10_000
MAX_NAMES: Final = 50  # in one request

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


@routes.add(
    "POST",
    "/api/v1/gallery/curate",
    ChangedFiles,
    tag="media",
    body=CurateBody,
    body_required=True,
)
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
