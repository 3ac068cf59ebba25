"""Marked files in the store: the marked file is hashed, recorded, published and adopted."""

from __future__ import annotations

import errno
import hashlib
import struct
import zlib
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
from domain.failure import FailureCode
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


def _large_png(*, is_damaged: bool) -> bytes:
    """A picture that another thread decodes; its checksums are right, damaged or not."""
    side = 320
    row = bytes(3 * side)
    rows = [b"\0" + row for _ in range(side)]
    if is_damaged:
        rows[-1] = b"\7" + row  # a filter that does not exist
    header = media_samples.png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = media_samples.png_chunk(b"IDAT", zlib.compress(b"".join(rows), level=0))
    return b"\x89PNG\r\n\x1a\n" + header + data + media_samples.png_chunk(b"IEND", b"")


@pytest.mark.parametrize("marker", [Marker("Program 1"), None])
def test_a_large_picture_that_is_damaged_is_refused(tmp_path: Path, marker: Marker | None) -> None:
    """It is marked while another thread decodes it, and that thread has the last word."""
    store = FilesystemArtifactStore(tmp_path, "here", StoreLimits(), marker=marker)
    staging = store.open_staging(Kind.IMAGE, RenderKey(7, 1), 1).unwrap()
    (staging.path / "a.png").write_bytes(_large_png(is_damaged=False))
    assert [file.width for file in store.prepare(staging, 1, MARK).unwrap().files] == [320]
    (staging.path / "b.png").write_bytes(_large_png(is_damaged=True))
    failure = store.prepare(staging, 1, MARK).failure()
    assert failure.code is FailureCode.FILE_BROKEN
    assert "'b.png' cannot be decoded" in failure.message


def test_damage_is_reported_even_if_the_file_cannot_be_marked_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt ends in an error; a full disk would let it wait."""
    store = FilesystemArtifactStore(tmp_path, "here", StoreLimits(), marker=Marker("Program 1"))
    staging = store.open_staging(Kind.IMAGE, RenderKey(7, 1), 1).unwrap()

    def mark(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Marker, "mark", mark)
    (staging.path / "a.png").write_bytes(_large_png(is_damaged=False))
    assert store.prepare(staging, 1, MARK).failure().code is FailureCode.DISK_FULL
    (staging.path / "a.png").write_bytes(_large_png(is_damaged=True))
    assert store.prepare(staging, 1, MARK).failure().code is FailureCode.FILE_BROKEN
