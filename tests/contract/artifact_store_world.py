"""Access to an artifact store's files without the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.artifact_store import ArtifactStore, RenderKey, Staging
    from domain.prompt import Kind


class Left(Enum):
    """A file that a workflow may leave in its staging folder."""

    PICTURE = auto()
    SONG = auto()
    BROKEN_PICTURE = auto()
    BROKEN_SONG = auto()
    TEXT = auto()


class StoreWorld(ABC):
    """A store, and access to its files without it."""

    @property
    @abstractmethod
    def store(self) -> ArtifactStore:
        """The store under test."""

    @abstractmethod
    def leave(self, staging: Staging, name: str, what: Left) -> None:
        """Put a file into a staging folder, as a workflow would."""

    @abstractmethod
    def published(self) -> Mapping[str, list[str]]:
        """Names of files by their folder (``image/200_20260106T213045``), others' included."""

    @abstractmethod
    def staged(self) -> set[str]:
        """Names of all staging folders."""

    @abstractmethod
    def occupy(self, kind: Kind, folder: str) -> None:
        """Create a published folder of another program, containing ``theirs.txt``."""

    @abstractmethod
    def spoil(self, kind: Kind, folder: str) -> None:
        """Change one byte of a file in a published folder."""

    @abstractmethod
    def take_away(self, kind: Kind, folder: str) -> None:
        """Remove a published folder, as another program might."""

    @abstractmethod
    def spoil_plan(self, trace: RenderKey) -> None:
        """Make the recorded plan of a render unreadable."""

    @abstractmethod
    def leave_foreign_folder(self, name: str) -> set[str]:
        """Create another program's folder in the staging area; returns its name in ``staged``."""

    @abstractmethod
    def lose_root(self) -> None:
        """Remove the whole output root, as when a volume is no longer mounted."""
