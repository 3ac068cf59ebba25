"""Contract tests of the output tree on a real file system."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from adapters.filesystem.artifact_store import FilesystemArtifactStore
from adapters.filesystem.limits import StoreLimits
from domain.prompt import Kind
from tests import media_samples
from tests.contract.artifact_store_contract import ArtifactStoreContract
from tests.contract.artifact_store_world import Left, StoreWorld

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.artifact_store import RenderKey, Staging


class LocalStagingWorld(StoreWorld):
    """A store with a local staging folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def leave(self, staging: Staging, name: str, what: Left) -> None:
        content = {
            Left.PICTURE: media_samples.png(),
            Left.SONG: media_samples.mp3(),
            Left.BROKEN_PICTURE: media_samples.png()[:-1],
            Left.BROKEN_SONG: media_samples.mp3()[:-1],
            Left.TEXT: b"loading the model ...",
        }
        (staging.path / name).write_bytes(content[what])

    def staged(self) -> set[str]:
        staging = self._root / ".staging"
        if not staging.is_dir():
            return set()
        # Other files next to the folders of the jobs are the store's own affair.
        return {
            entry.name
            for entry in staging.iterdir()
            if entry.suffix not in {".final", ".plan"} or not entry.name.startswith("db-")
        }

    def spoil_plan(self, trace: RenderKey) -> None:
        plan = self._root / ".staging" / f"db-{trace.prompt_id}-{trace.render_id}.plan"
        plan.write_bytes(plan.read_bytes()[:-1])

    def leave_foreign_folder(self, name: str) -> set[str]:
        place = self._root / ".staging" / name
        place.mkdir(parents=True)
        (place / "a.png").write_bytes(b"theirs")
        return {name}


class _Tree(LocalStagingWorld):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._store = FilesystemArtifactStore(root, "db", StoreLimits())

    @property
    def store(self) -> FilesystemArtifactStore:
        return self._store

    def published(self) -> dict[str, list[str]]:
        return {
            f"{kind.value}/{folder.name}": sorted(file.name for file in folder.iterdir())
            for kind in Kind
            if (self._root / kind.value).is_dir()
            for folder in (self._root / kind.value).iterdir()
        }

    def occupy(self, kind: Kind, folder: str) -> None:
        place = self._root / kind.value / folder
        place.mkdir(parents=True)
        (place / "theirs.txt").write_text("not ours")

    def spoil(self, kind: Kind, folder: str) -> None:
        file = next((self._root / kind.value / folder).iterdir())
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def take_away(self, kind: Kind, folder: str) -> None:
        shutil.rmtree(self._root / kind.value / folder)

    def lose_root(self) -> None:
        shutil.rmtree(self._root)


class TestFilesystemArtifactStore(ArtifactStoreContract):
    """The contract, with real files."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> StoreWorld:
        """A store with an empty output root."""
        root = tmp_path / "root"
        root.mkdir()
        return _Tree(root)
