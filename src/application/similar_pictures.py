"""Finding published pictures that look like a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application.file_report import all_artifacts
from application.ports.media_files import InvalidMediaError
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.media_files import PublishedMedia
    from application.ports.media_marks import Fingerprints

MAX_DISTANCE: Final = 8
"""Different bits of 64. Encoding again and making smaller change up to 4, cutting off a twentieth
on each side changes 10 or more, and other pictures differ in 20 or more."""

PICTURE_FORMATS: Final = frozenset({"png", "jpeg", "webp"})
_BATCH: Final = 100  # fingerprints that are saved together


class SimilarPictures:
    """The fingerprints of all published pictures.

    Args:
        gallery: reads their rows.
        published: opens their files.
        fingerprints: makes fingerprints and keeps them.
        progress: called with the number of new fingerprints as they are made.
    """

    def __init__(
        self,
        gallery: Gallery,
        published: PublishedMedia,
        fingerprints: Fingerprints,
        progress: Callable[[int], None],
    ) -> None:
        self._published = published
        self._fingerprints = fingerprints
        self._artifacts: list[GalleryArtifact] = []
        self._bits: list[int] = []
        known = fingerprints.known()
        made: list[tuple[str, int]] = []
        count = 0
        for artifact in all_artifacts(gallery):
            if artifact.kind is not Kind.IMAGE:
                continue
            name = str(artifact.metadata.get("sha256") or artifact.file_path)
            bits = known.get(name)
            if bits is None:
                bits = self._make(artifact)
                if bits is None:
                    continue
                made.append((name, bits))
                count += 1
                progress(count)
                if len(made) == _BATCH:
                    fingerprints.save(made)
                    made.clear()
            self._artifacts.append(artifact)
            self._bits.append(bits)
        if made:
            fingerprints.save(made)

    def find(self, bits: int) -> list[tuple[GalleryArtifact, int]]:
        """The published pictures that look like one, with the number of different bits.

        Args:
            bits: the fingerprint of the picture.
        """
        return [
            (self._artifacts[place], distance)
            for distance, place in self._fingerprints.nearest(bits, self._bits, MAX_DISTANCE)
        ]

    def _make(self, artifact: GalleryArtifact) -> int | None:
        """The fingerprint of a published picture; None if it cannot be made."""
        try:
            media = self._published.open(artifact.file_path, artifact.metadata)
            if media is None:
                return None
            with media.file:
                if media.format not in PICTURE_FORMATS:
                    return None
                return self._fingerprints.of(media.file, str(media.format))
        except (OSError, InvalidMediaError):
            return None
