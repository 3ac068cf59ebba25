"""The port to what people think of published files: ratings, tags, collections, the wastebasket.

All of it stands in our own tables; the rows of ``prompt_artifacts`` stay as they are. Every method
raises RepositoryError when the database cannot be used, and its subclass RepositoryBusyError when
another program keeps it locked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from application.ports.gallery import GalleryArtifact

MAX_NAME_LENGTH: Final = 100  # characters of a tag, or of a collection's name
MAX_RATING: Final = 5
WASTEBASKET_DAYS: Final = 30
"""Days after which the files in the wastebasket are removed."""


class GroupKind(StrEnum):
    """What a group is."""

    TAG = "tag"
    COLLECTION = "collection"


@dataclass(frozen=True, slots=True)
class Curated:
    """What people did with one file.

    Attributes:
        rating: 1 to 5; 0 for none.
        hidden: whether lists leave it out.
        tags: of people, in alphabetical order.
        collections: that it is in, likewise.
        discarded_at: since when it is in the wastebasket (ISO 8601 in UTC), or None.
        is_purged: whether its file is removed, or is being removed.
    """

    favourite: bool = False
    rating: int = 0
    hidden: bool = False
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    discarded_at: str | None = None
    is_purged: bool = False


UNTOUCHED: Final = Curated()


@dataclass(frozen=True, slots=True)
class CurationChange:
    """What to change; None and () leave it as it is.

    Attributes:
        rating: 1 to 5; 0 removes it.
        add_tags: names, 1 to 100 characters each; likewise all others.
    """

    favourite: bool | None = None
    rating: int | None = None
    hidden: bool | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    add_to: tuple[str, ...] = ()
    remove_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileGroup:
    """A tag or a collection."""

    name: str
    file_count: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The result of a change to several files.

    Attributes:
        changed: ids of the files that are now as they were wanted.
        refused: reasons by id.
    """

    changed: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict, hash=False)


class Curation(Protocol):
    """Reads and changes what people think of published files. For one thread at a time.

    Reading works without our own tables. Changes create them.
    """

    def of(self, artifact_ids: Collection[int]) -> Mapping[int, Curated]:
        """What people did with these files; those with which nothing was done are left out."""
        ...

    def change(self, artifact_ids: Collection[int], change: CurationChange) -> Changed:
        """Change all of the files in one transaction; unknown ids are refused."""
        ...

    def groups(self, sort: GroupKind) -> Sequence[FileGroup]:
        """All tags, or all collections, in alphabetical order."""
        ...

    def rename(self, sort: GroupKind, name: str, new_name: str | None) -> bool:
        """Rename a group, or remove it (None); returns whether there is one of this name.

        The files of a group whose new name exists already are added to that one.
        """
        ...

    def workflows(self) -> Sequence[str]:
        """The names of the workflows of published files, in alphabetical order."""
        ...

    def discard(self, artifact_ids: Collection[int]) -> Changed:
        """Put files into the wastebasket; those of other programs are refused."""
        ...

    def restore(self, artifact_ids: Collection[int]) -> Changed:
        """Take files out of the wastebasket, unless they are removed already."""
        ...

    def waste(
        self, before: datetime | None = None, *, after: int = -1, limit: int = 200
    ) -> Sequence[GalleryArtifact]:
        """Files in the wastebasket, by their ids.

        Args:
            before: only those that were put into it before this time, and those whose removal
                began and did not end. None for all.
            after: only those with greater ids.
            limit: maximum number of results.
        """
        ...

    def shared_paths(self, paths: Collection[str]) -> frozenset[str]:
        """Which of these paths are named by rows that are not in the wastebasket."""
        ...

    def begin_removal(self, artifact: GalleryArtifact) -> bool:
        """Record that the file is being removed; False if it was taken out of the wastebasket."""
        ...

    def end_removal(self, artifact: GalleryArtifact) -> None:
        """Record that the file is removed."""
        ...

    def read_files(self, limit: int) -> int:
        """Read workflow, seed and size of files that are not known yet, the oldest first.

        Args:
            limit: maximum number of files.

        Returns:
            The number of files that were read.
        """
        ...
