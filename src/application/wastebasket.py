"""Removing what has been in the wastebasket long enough, or what a person wants to be gone now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from application.ports.curation import WASTEBASKET_DAYS
from domain.mark import published_manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from application.ports.curation import Curation
    from application.ports.gallery import GalleryArtifact
    from application.ports.media_files import DerivedMedia, PublishedMedia

_BATCH: Final = 200  # files whose paths are looked for in one statement
_READ_BYTES: Final = 1024 * 1024
_IS_NEEDED: Final = "another row names the file"
_IS_CHANGED: Final = "the file was changed since it was published; remove it by hand"


@dataclass(slots=True)
class Emptied:
    """What was removed.

    Attributes:
        removed: ids of the rows whose files are gone.
        kept: reasons by id; these stay in the wastebasket.
    """

    removed: list[int] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)


class Wastebasket:
    """Removes files from the output root or the bucket; the shared rows stay.

    The removal is recorded before a file is deleted, and again after it: where a process ended in
    between, the next one finishes it. A file is removed only if it is what its row says, and if no
    other row needs it.

    Args:
        curation: the wastebasket's list.
        published: the files.
        derived: what was made from them.
    """

    def __init__(
        self, curation: Curation, published: PublishedMedia, derived: DerivedMedia
    ) -> None:
        self._curation = curation
        self._published = published
        self._derived = derived

    def empty_expired(self, now: datetime) -> Emptied:
        """Remove what has been in it for 30 days, and finish removals that began.

        Args:
            now: the current time, with its zone.

        Raises:
            RepositoryError: the database cannot be used.
        """
        return self._empty(now - timedelta(days=WASTEBASKET_DAYS), None)

    def empty_now(self, artifact_ids: Collection[int] | None = None) -> Emptied:
        """Remove everything in it, or only these files, whatever their date.

        Raises:
            RepositoryError: the database cannot be used.
        """
        return self._empty(None, artifact_ids)

    def _empty(self, before: datetime | None, artifact_ids: Collection[int] | None) -> Emptied:
        emptied = Emptied()
        for batch in self._batches(before):
            chosen = [
                artifact
                for artifact in batch
                if artifact_ids is None or artifact.id in artifact_ids
            ]
            paths = {path for artifact in chosen for path in _paths(artifact)}
            shared = self._curation.shared_paths(paths)
            for artifact in chosen:
                if shared.isdisjoint(_paths(artifact)):
                    self._remove(artifact, emptied)
                else:
                    emptied.kept[artifact.id] = _IS_NEEDED
        return emptied

    def _batches(self, before: datetime | None) -> Iterator[list[GalleryArtifact]]:
        after = -1
        while True:
            batch = list(self._curation.waste(before, after=after, limit=_BATCH))
            if not batch:
                return
            yield batch
            after = batch[-1].id

    def _remove(self, artifact: GalleryArtifact, emptied: Emptied) -> None:
        try:
            is_unchanged, identity = self._examine(artifact)
            if not is_unchanged:
                emptied.kept[artifact.id] = _IS_CHANGED
                return
            if not self._curation.begin_removal(artifact):
                return  # a person took it out just now
            self._derived.forget(artifact, identity)
            for path in _paths(artifact):
                self._published.remove(path)
        except OSError as error:
            emptied.kept[artifact.id] = f"the file cannot be removed: {error.strerror or error}"
            return
        self._curation.end_removal(artifact)
        emptied.removed.append(artifact.id)

    def _examine(self, artifact: GalleryArtifact) -> tuple[bool, str]:
        """Whether the file is what was published, or gone, and its identity. Raises OSError."""
        media = self._published.open(artifact.file_path, artifact.metadata)
        if media is None:
            return True, ""
        with media.file:
            if not media.is_certain:
                return False, media.identity
            digest = hashlib.sha256()
            while block := media.file.read(_READ_BYTES):
                digest.update(block)
        return digest.hexdigest() == artifact.metadata.get("sha256"), media.identity


def _paths(artifact: GalleryArtifact) -> set[str]:
    """The paths of the files that a row names."""
    named = {artifact.file_path} if artifact.servable else set()
    if manifest := published_manifest(artifact.file_path, artifact.metadata):
        named.add(manifest)
    if artifact.preview_servable:
        named.add(str(artifact.preview_path))
    return named
