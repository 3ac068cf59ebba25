"""The port to the output tree: staging, verification, durable publication."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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


class ArtifactStore(Protocol):
    """Keeps media files whole."""

    def preflight(self) -> Failure | None:
        """What would keep every folder from being stored (missing root, no rights), or None."""
        ...

    def open_staging(
        self, kind: Kind, prompt_id: int, render_id: int, variant: int
    ) -> Result[Staging, Failure]:
        """Make an empty folder for a job."""
        ...

    def store(
        self, staging: Staging, prompt_id: int, at: datetime, variant: int
    ) -> Result[StoredFolder, Failure]:
        """Verify every media file in the staging folder and make all of them durable.

        Either every media file is good and the whole folder stands under its final name, safe
        from a loss of power, or nothing is there. Files that are not media are left behind.
        """
        ...

    def discard(self, staging: Staging) -> None:
        """Remove a staging folder and all that is in it; no error when it is gone."""
        ...

    def withdraw(self, stored: StoredFolder) -> None:
        """Take back a folder that was stored but may not be published."""
        ...
