"""A store on a real folder, and helpers for its tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.filesystem.artifact_store import FilesystemArtifactStore
from adapters.filesystem.limits import StoreLimits
from application.ports.artifact_store import RenderKey
from domain.artifact import Artifact
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from returns.result import Result

    from application.ports.artifact_store import Staging, StoredFolder
    from domain.failure import Failure

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
FOLDER = "7_20260106T213045"


class Tree:
    """An output root with its store."""

    def __init__(self, root: Path, limits: StoreLimits | None = None) -> None:
        self.root = root
        self.store = FilesystemArtifactStore(root, "db", limits or StoreLimits())
        self._renders = 0

    def open(self, kind: Kind = Kind.IMAGE) -> Staging:
        """Open a new staging folder of prompt 7."""
        self._renders += 1
        return self.store.open_staging(kind, self.trace(), 1).unwrap()

    def trace(self) -> RenderKey:
        """The render whose staging folder was opened last."""
        return RenderKey(7, self._renders)

    def close(self, staging: Staging) -> Result[StoredFolder, Failure]:
        """Publish the contents of the staging folder opened last."""
        return (
            self.store.prepare(staging, 1)
            .bind(lambda prepared: self.store.place([prepared], self.trace(), AT, rows))
            .map(lambda stored: stored[0])
        )

    def sweep(self, *, keep_placed: bool = True) -> None:
        """Sweep the render whose staging folder was opened last."""
        self.store.sweep(self.trace(), keep_placed=keep_placed)

    def keep(
        self, files: Mapping[str, bytes], kind: Kind = Kind.IMAGE
    ) -> Result[StoredFolder, Failure]:
        """Publish files from a new staging folder, and sweep the leftovers."""
        stored = self.place(files, kind)
        self.sweep()
        return stored

    def place(
        self, files: Mapping[str, bytes], kind: Kind = Kind.IMAGE
    ) -> Result[StoredFolder, Failure]:
        """Publish files from a new staging folder."""
        staging = self.open(kind)
        for name, content in files.items():
            file = staging.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return self.close(staging)

    def contents(self) -> list[str]:
        """Every file and folder below the root, without empty folders of kinds."""
        shelves = {".staging", *(kind.value for kind in Kind)}
        found = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}
        return sorted(found - shelves)


def rows(stored: Sequence[StoredFolder]) -> tuple[Artifact, ...]:
    """A row for each file."""
    return tuple(
        Artifact(each.kind, f"{each.kind}/{each.folder}/{facts.name}", {"n": 1})
        for each in stored
        for facts in each.files
    )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty output root with its store."""
    root = tmp_path / "root"
    root.mkdir()
    return Tree(root)
