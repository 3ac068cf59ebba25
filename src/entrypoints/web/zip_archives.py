"""ZIP archives of published files, made while they are sent: stored, not compressed."""

from __future__ import annotations

import io
import time
import zipfile
from typing import TYPE_CHECKING, Final

import msgspec

from application.ports.curation import UNTOUCHED
from domain.mark import manifest_path, published_manifest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from application.ports.curation import Curation
    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.media_files import MediaFile, PublishedMedia

_READ_BYTES: Final = 256 * 1024
_MANIFEST: Final = "artifacts.jsonl"
_MAX_PLAIN_BYTES: Final = 2**31 - 1  # of an entry without the extension for large ones
_OLDEST: Final = 315_532_800  # seconds: 1980 is the first year that an archive can name


class _Sink(io.RawIOBase):
    """What an archive is written to; it is taken away piece by piece, and has no way back."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep a piece."""
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def zip_chunks(
    gallery: Gallery, curation: Curation, published: PublishedMedia, ids: Sequence[int]
) -> Generator[bytes, None, None]:
    """The bytes of an archive with the files of these rows; few of them are in memory at a time.

    Args:
        gallery: reads the rows.
        curation: reads what people think of them.
        published: opens the files.
        ids: of the rows, in order; those without a file are left out.
    """
    sink = _Sink()
    manifest: list[bytes] = []
    names: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for artifact_id in ids:
            artifact = gallery.artifact_by_id(artifact_id)
            if artifact is None:
                continue
            media = _opened(artifact.file_path, artifact.metadata, published)
            if media is None:
                continue
            name = _name(artifact, names)
            with media.file:
                yield from _stored(archive, sink, name, media)
            beside = published_manifest(artifact.file_path, artifact.metadata)
            if beside and (signature := _opened(beside, {}, published)):
                with signature.file:
                    yield from _stored(archive, sink, manifest_path(name), signature)
            curated = curation.of([artifact_id]).get(artifact_id, UNTOUCHED)
            manifest.append(
                msgspec.json.encode(
                    {
                        "file": name,
                        "artifact_id": artifact.id,
                        "prompt_id": artifact.prompt_id,
                        "prompt": artifact.prompt_text,
                        "type": artifact.artifact_type,
                        "created_at": artifact.created_at,
                        "favourite": curated.favourite,
                        "rating": curated.rating,
                        "tags": curated.tags,
                        "collections": curated.collections,
                        "metadata": dict(artifact.metadata),
                    }
                )
            )
        archive.writestr(_MANIFEST, b"".join(line + b"\n" for line in manifest))
    yield sink.take()


def _opened(
    path: str, metadata: Mapping[str, object], published: PublishedMedia
) -> MediaFile | None:
    try:
        return published.open(path, metadata)
    except OSError:  # the other files are sent all the same
        return None


def _stored(archive: zipfile.ZipFile, sink: _Sink, name: str, media: MediaFile) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(name, time.gmtime(max(media.modified, _OLDEST))[:6])
    entry.external_attr = 0o644 << 16
    entry.file_size = media.size
    with archive.open(entry, "w", force_zip64=media.size > _MAX_PLAIN_BYTES) as target:
        while block := media.file.read(_READ_BYTES):
            target.write(block)
            yield sink.take()


def _name(artifact: GalleryArtifact, names: set[str]) -> str:
    """The name of a file in the archive: that of its folder and its own, as they were published."""
    name = "_".join(artifact.file_path.split("/")[-2:])
    if name in names:
        name = f"{artifact.id}_{name}"
    names.add(name)
    return name
