"""The way into an artifact store's world past the store itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.artifact_store import ArtifactStore, RenderKey, Staging
    from domain.prompt import Kind


class Left(Enum):
    """What a workflow can leave in its staging folder."""

    PICTURE = auto()
    SONG = auto()
    BROKEN_PICTURE = auto()
    BROKEN_SONG = auto()
    TEXT = auto()


class StoreWorld(ABC):
    """A store, and a way into its world that does not lead through it."""

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
        """Names of all staging folders that there are."""

    @abstractmethod
    def occupy(self, kind: Kind, folder: str) -> None:
        """Let a stranger have a folder with ``theirs.txt`` or the like in it."""

    @abstractmethod
    def spoil(self, kind: Kind, folder: str) -> None:
        """Change a byte of a file in a published folder."""

    @abstractmethod
    def take_away(self, kind: Kind, folder: str) -> None:
        """Let a stranger remove a published folder."""

    @abstractmethod
    def spoil_plan(self, trace: RenderKey) -> None:
        """Make what was written down about a render unreadable."""

    @abstractmethod
    def leave_strangers_folder(self, name: str) -> set[str]:
        """Let somebody else have a folder in the staging area; what ``staged`` says of it."""

    @abstractmethod
    def lose_root(self) -> None:
        """Take the whole output root away, as when a volume is not mounted any more."""
