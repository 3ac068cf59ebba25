"""Marked files in the store: the marked file is hashed, recorded, published and adopted."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.filesystem.artifact_store import FilesystemArtifactStore
from adapters.filesystem.inspection import FileInspector
from adapters.filesystem.limits import StoreLimits
from adapters.media_marks.marker import Marker
from adapters.media_marks.signature import Signer, make_test_certificate
from application.ports.artifact_store import RenderKey
from domain.artifact import Artifact
from domain.mark import MANIFEST, TRAINED, Mark
from domain.prompt import Kind
from tests import media_samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from application.ports.artifact_store import StoredFolder

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
MARK = Mark("7/1//1", TRAINED, AT, "flux.json", "flux1-dev.safetensors")


def test_the_marked_file_is_published_and_adopted(tmp_path: Path) -> None:
    """Its facts are in the plan, so that another worker adopts it unchanged."""
    store = FilesystemArtifactStore(tmp_path, "here", StoreLimits(), marker=Marker("Program 1"))
    key = RenderKey(7, 1)
    staging = store.open_staging(Kind.IMAGE, key, 1).unwrap()
    (staging.path / "a.png").write_bytes(media_samples.png())
    prepared = store.prepare(staging, 1, MARK).unwrap()
    [facts] = prepared.files
    assert facts.mark is not None
    assert (facts.mark.metadata, facts.mark.source_type) == ("written", TRAINED)

    def rows(stored: Sequence[StoredFolder]) -> tuple[Artifact, ...]:
        return tuple(
            Artifact(Kind.IMAGE, f"image/{folder.folder}/{file.name}", {"sha256": file.sha256})
            for folder in stored
            for file in folder.files
        )

    stored = store.place([prepared], key, AT, rows).unwrap()
    content = (tmp_path / "image" / stored[0].folder / "a.png").read_bytes()
    assert b"trainedAlgorithmicMedia" in content
    assert len(content) == facts.file_size
    assert hashlib.sha256(content).hexdigest() == facts.sha256
    assert [path.name for path in (tmp_path / "image" / stored[0].folder).iterdir()] == ["a.png"]
    another = FilesystemArtifactStore(tmp_path, "here", StoreLimits())
    assert another.finished(key) == rows(stored)


def test_a_separate_manifest_is_published_and_withdrawn_with_its_file(tmp_path: Path) -> None:
    """It has no row; plan and hash cover it like any other file."""
    pytest.importorskip("c2pa")
    pem, _ = make_test_certificate(30, datetime.now(UTC))
    (tmp_path / "signing.pem").write_text(pem)
    root = tmp_path / "out"
    root.mkdir()
    signer = Signer(tmp_path / "signing.pem", None, ("Program", "1"))
    marker = Marker("Program 1", signer=signer, with_sidecars=True)
    store = FilesystemArtifactStore(root, "here", StoreLimits(), marker=marker)
    key = RenderKey(7, 1)
    staging = store.open_staging(Kind.AUDIO, key, 1).unwrap()
    (staging.path / "a.opus").write_bytes(media_samples.song("opus"))
    prepared = store.prepare(staging, 1, MARK).unwrap()
    assert [file.format for file in prepared.files] == ["opus", MANIFEST]
    stored = store.place([prepared], key, AT, lambda _: ()).unwrap()
    folder = root / "audio" / stored[0].folder
    assert sorted(path.name for path in folder.iterdir()) == ["a.c2pa", "a.opus"]
    seen = FileInspector(StoreLimits()).inspect(folder / "a.opus")
    assert seen.manifest is not None
    assert seen.manifest.is_valid
    assert (folder / "a.c2pa").stat().st_mode & 0o777 == 0o644
    store.sweep(key, keep_placed=False)
    assert not folder.exists()


def test_without_a_marker_nothing_is_marked(tmp_path: Path) -> None:
    """The file is published as the workflow wrote it."""
    store = FilesystemArtifactStore(tmp_path, "here", StoreLimits())
    staging = store.open_staging(Kind.IMAGE, RenderKey(7, 1), 1).unwrap()
    (staging.path / "a.png").write_bytes(media_samples.png())
    [facts] = store.prepare(staging, 1, MARK).unwrap().files
    assert facts.mark is None
    assert facts.sha256 == hashlib.sha256(media_samples.png()).hexdigest()
