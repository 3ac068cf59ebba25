"""Contract tests of the output tree in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from application.ports.artifact_store import RenderKey
from domain.artifact import MediaFacts
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.artifact_store_contract import ArtifactStoreContract
from tests.contract.artifact_store_world import Left, StoreWorld
from tests.fakes.artifact_store import Content, InMemoryArtifactStore

if TYPE_CHECKING:
    from application.ports.artifact_store import Staging

_SHA256 = "ab" * 32
_THEIRS = MediaFacts("theirs.txt", "png", 8, _SHA256)


class _Memory(StoreWorld):
    def __init__(self) -> None:
        self._store = InMemoryArtifactStore()

    @property
    def store(self) -> InMemoryArtifactStore:
        return self._store

    def leave(self, staging: Staging, name: str, what: Left) -> None:
        self._store.put(staging, name, _content(name, what))

    def published(self) -> dict[str, list[str]]:
        return {
            f"{kind.value}/{folder}": [facts.name for facts in files]
            for (kind, folder), files in self._store.published.items()
        }

    def staged(self) -> set[str]:
        return set(self._store.staged)

    def occupy(self, kind: Kind, folder: str) -> None:
        self._store.published[kind, folder] = (_THEIRS,)

    def spoil(self, kind: Kind, folder: str) -> None:
        facts = self._store.published[kind, folder]
        self._store.published[kind, folder] = tuple(
            replace(each, sha256="cd" * 32) for each in facts
        )

    def take_away(self, kind: Kind, folder: str) -> None:
        del self._store.published[kind, folder]

    def spoil_plan(self, trace: RenderKey) -> None:
        self._store.forget_plan(trace)

    def leave_foreign_folder(self, name: str) -> set[str]:
        self._store.staged[name] = {}
        return {name}

    def lose_root(self) -> None:
        self._store.preflight_failure = Failure(
            FailureCode.OUTPUT_ROOT_MISSING, "It is not mounted."
        )


def _content(name: str, what: Left) -> Content:
    if what is Left.PICTURE:
        return MediaFacts(name, "png", 103, _SHA256, width=24, height=16)
    if what is Left.SONG:
        return MediaFacts(name, "mp3", 8685, _SHA256, duration_seconds=0.5)
    if what is Left.TEXT:
        return None
    return Failure(FailureCode.FILE_BROKEN, f"{name} is cut off.")


class TestInMemoryArtifactStore(ArtifactStoreContract):
    """The contract, without files."""

    @pytest.fixture
    def world(self) -> StoreWorld:
        """An empty store."""
        return _Memory()


def test_put_decides_the_name() -> None:
    """One set of facts serves a fake renderer for files of many names."""
    store = InMemoryArtifactStore()
    facts = MediaFacts("any.png", "png", 103, _SHA256, width=24, height=16)
    staging = store.open_staging(Kind.IMAGE, RenderKey(1, 1), 1).unwrap()
    store.put(staging, "b.png", facts)
    store.put(staging, "a.png", facts)
    assert sorted(store.staged[staging.name]) == ["a.png", "b.png"]
