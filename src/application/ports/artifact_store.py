"""The port to the output tree: staging, verification, durable publication."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.artifact import Artifact

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from returns.result import Result

    from domain.artifact import MediaFacts
    from domain.failure import Failure
    from domain.mark import Mark
    from domain.prompt import Kind


@dataclass(frozen=True, slots=True)
class Staging:
    """A private, empty folder for one job, on the same file system as the output root.

    Attributes:
        name: unique for the render and variant; never used twice.
        path: of the folder, absolute.
        kind: the kind of media that the job makes.
    """

    name: str
    path: Path
    kind: Kind


@dataclass(frozen=True, slots=True)
class Prepared:
    """Verified copies of a job's media files, neither durable nor published yet.

    Attributes:
        staging: the folder of the job.
        variant: number of the writing, counted from 1.
        files: facts about each file, in the order of their names.
    """

    staging: Staging
    variant: int
    files: tuple[MediaFacts, ...]


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A published folder, or one that is about to be.

    Attributes:
        kind: names the parent folder.
        folder: name of the folder, without the parent.
        files: facts about each file, in the order of their names.
    """

    kind: Kind
    folder: str
    files: tuple[MediaFacts, ...]


@dataclass(frozen=True, slots=True, order=True)
class RenderKey:
    """Identifies one render, and its folders in the staging area.

    Attributes:
        prompt_id: the prompt that it renders.
        render_id: its number.
        token: its random token, without which a restored database would confuse two renders;
            "" for renders of earlier versions.
    """

    prompt_id: int
    render_id: int
    token: str = ""


Describe = Callable[[Sequence[StoredFolder]], Sequence[Artifact]]
"""Makes the rows of folders; called before the folders get their final names."""


class StorageError(OSError):
    """The storage of published files cannot be used now; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(errno.EIO, failure.message)
        self.failure = failure


class PublicationPlans(Protocol):
    """What renders of all machines are about to publish, so that any of them can finish it.

    Safe from any thread. Every method is one transaction, and raises RepositoryError if the
    database cannot be used.
    """

    def write(self, key: RenderKey, document: str) -> None:
        """Record a render's plan, in place of an earlier one; safe from power loss.

        Args:
            key: of the render.
            document: a JSON object.
        """
        ...

    def read(self, key: RenderKey) -> str | None:
        """The plan of a render; None if there is none."""
        ...

    def drop(self, key: RenderKey) -> None:
        """Forget a plan; an unknown one is no error."""
        ...

    def keys(self) -> frozenset[RenderKey]:
        """The renders whose plans are recorded."""
        ...


class ArtifactStore(Protocol):
    """Verifies media files and publishes them whole or not at all."""

    def preflight(self) -> Failure | None:
        """The failure that every publication would meet (missing root, no permission), or None."""
        ...

    def open_staging(self, kind: Kind, key: RenderKey, variant: int) -> Result[Staging, Failure]:
        """Create an empty folder for a job."""
        ...

    def prepare(
        self, staging: Staging, variant: int, mark: Mark | None = None
    ) -> Result[Prepared, Failure]:
        """Copy, verify and mark every media file in the staging folder; other files are ignored.

        Facts are those of the marked copies.

        Args:
            staging: the folder.
            variant: number of the writing, counted from 1.
            mark: what the files state about their origin; None for no marks.
        """
        ...

    def place(
        self,
        prepared: Sequence[Prepared],
        key: RenderKey,
        at: datetime,
        describe: Describe,
    ) -> Result[tuple[StoredFolder, ...], Failure]:
        """Publish every prepared folder under its final name, safe from power loss, or none.

        The planned names and rows are recorded first, so that another process can finish or undo
        the publication.
        """
        ...

    def finished(self, key: RenderKey) -> tuple[Artifact, ...] | None:
        """The rows of a render's published files, if every file exists and is whole; or None.

        Raises:
            StorageError: that cannot be known now.
        """
        ...

    def planned_paths(self, key: RenderKey) -> tuple[str, ...]:
        """The paths of the files that a render planned to publish, whether or not they exist."""
        ...

    def leftovers(self) -> frozenset[RenderKey]:
        """The renders of this database with leftovers in the staging area."""
        ...

    def sweep(self, key: RenderKey, *, keep_placed: bool) -> None:
        """Remove the leftovers of a closed render from the staging area.

        With ``keep_placed`` false its published folders go too, if they are unchanged. Files that
        cannot be removed are left for the next call.
        """
        ...
