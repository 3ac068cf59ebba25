"""The port to the output tree: staging, verification, durable publication."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.artifact import Artifact, folder_name

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from returns.result import Result

    from domain.artifact import MediaFacts
    from domain.failure import Failure
    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class Staging:
    """A private, empty folder for one job on the output root's own file system.

    Attributes:
        name: unique for this render and variant, never used twice.
        path: absolute.
        kind: of the media that it is for.
    """

    name: str
    path: Path
    kind: Kind


@dataclass(frozen=True, slots=True)
class Prepared:
    """Verified copies of a job's media files, durable, but not at their final place yet.

    Attributes:
        staging: the folder of the job.
        variant: counted from 1.
        files: what was measured of each, in the order of their names.
    """

    staging: Staging
    variant: int
    files: tuple[MediaFacts, ...]


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """Files that are durable at their final place.

    Attributes:
        kind: names the first folder.
        folder: name of the folder, without the kind.
        files: what was measured of each, in the order of their names.
    """

    kind: Kind
    folder: str
    files: tuple[MediaFacts, ...]


@dataclass(frozen=True, slots=True, order=True)
class RenderTrace:
    """The render that left something in the staging area."""

    prompt_id: int
    render_id: int


def named_folders(
    prepared: Sequence[Prepared], trace: RenderTrace, at: datetime, clash: int
) -> tuple[StoredFolder, ...]:
    """What the folders of a render are called on a try for free names, counted from 1."""
    return tuple(
        StoredFolder(
            each.staging.kind, folder_name(trace.prompt_id, at, each.variant, clash), each.files
        )
        for each in prepared
    )


Describe = Callable[[Sequence[StoredFolder]], Sequence[Artifact]]
"""What the rows of these folders will be; asked before the folders get their names."""


class ArtifactStore(Protocol):
    """Keeps media files whole."""

    def preflight(self) -> Failure | None:
        """What would keep every folder from being stored (missing root, no rights), or None."""
        ...

    def open_staging(
        self, kind: Kind, trace: RenderTrace, variant: int
    ) -> Result[Staging, Failure]:
        """Make an empty folder for a job."""
        ...

    def prepare(self, staging: Staging, variant: int) -> Result[Prepared, Failure]:
        """Verify copies of every media file in the staging folder and make them durable.

        Files that are not media are left behind.
        """
        ...

    def place(
        self,
        prepared: Sequence[Prepared],
        trace: RenderTrace,
        at: datetime,
        describe: Describe,
    ) -> Result[tuple[StoredFolder, ...], Failure]:
        """Give every prepared folder its final name, safe from a loss of power, or none.

        What is about to stand where, and the rows for it, are written down first, so that
        somebody else can finish or undo it.
        """
        ...

    def finished(self, trace: RenderTrace) -> tuple[Artifact, ...] | None:
        """The rows for what a render placed, if every file of it is there and whole."""
        ...

    def written_down(self, trace: RenderTrace) -> tuple[str, ...]:
        """The paths of the files that a render was about to place, whether they are there."""
        ...

    def traces(self) -> frozenset[RenderTrace]:
        """The renders of this database that left something in the staging area."""
        ...

    def sweep(self, trace: RenderTrace, *, keep_placed: bool) -> None:
        """Remove what a render that is closed left in the staging area.

        With ``keep_placed`` false the folders that it placed go too, if they are still as it
        placed them. What resists is left for the next time.
        """
        ...
