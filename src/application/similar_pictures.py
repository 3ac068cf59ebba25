"""Finding published pictures that look like a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application.file_report import all_artifacts
from application.ports.gallery import GalleryQuery, Shown
from application.ports.media_files import InvalidMediaError
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.media_files import PublishedMedia
    from application.ports.media_marks import Fingerprints, PictureIndex

MAX_DISTANCE: Final = 8
"""Different bits of 64. Encoding again and making smaller change up to 4, cutting off a twentieth
on each side changes 10 or more, and other pictures differ in 20 or more."""

PICTURE_FORMATS: Final = frozenset({"png", "jpeg", "webp"})
_BATCH: Final = 100  # fingerprints that are saved together
_PAGE: Final = 20  # pictures that are read at least in one update: about a second


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
        return make_fingerprint(artifact, self._published, self._fingerprints)


def make_fingerprint(
    artifact: GalleryArtifact, published: PublishedMedia, fingerprints: Fingerprints
) -> int | None:
    """The fingerprint of a published picture; None if it cannot be made."""
    try:
        media = published.open(artifact.file_path, artifact.metadata)
        if media is None:
            return None
        with media.file:
            if media.format not in PICTURE_FORMATS:
                return None
            return fingerprints.of(media.file, str(media.format))
    except (OSError, InvalidMediaError):
        return None


class SimilarPictureSearch:
    """Finds published pictures that look like one of them, from an index that grows with time.

    Args:
        gallery: reads their rows.
        published: opens their files.
        fingerprints: makes fingerprints, and knows those that were made for other reasons.
        index: of the fingerprints.
    """

    def __init__(
        self,
        gallery: Gallery,
        published: PublishedMedia,
        fingerprints: Fingerprints,
        index: PictureIndex,
    ) -> None:
        self._gallery = gallery
        self._published = published
        self._fingerprints = fingerprints
        self._index = index

    def find(self, artifact: GalleryArtifact) -> Sequence[tuple[int, int]]:
        """Pictures that look like a published one: different bits and ids, the nearest first.

        The picture itself is among them; none if it cannot be read.

        Raises:
            OSError: the index cannot be read.
        """
        bits = self._index.bits_of(artifact.id)
        if bits is None:
            bits = make_fingerprint(artifact, self._published, self._fingerprints)
        return [] if bits is None else self._index.near(bits, MAX_DISTANCE)

    def update(self, is_over: Callable[[], bool]) -> bool:
        """Read pictures, the newest first, some at least; True when all were read.

        Args:
            is_over: whether to stop there.

        Raises:
            OSError: the index cannot be used.
            RepositoryError: the rows cannot be read.
        """
        newest = self._gallery.page(GalleryQuery(limit=1, shown=Shown.ALL)).artifacts
        cursors = self._index.cursors()
        # Down to ``floor`` all is read. A pass leads down from ``start``, as far as ``position``.
        floor, start = cursors.get("floor", 0), cursors.get("start", 0)
        position = cursors.get("position", floor)
        if newest and newest[0].id > start:
            start, position = newest[0].id, newest[0].id + 1
        while position > floor:
            page = self._gallery.page(GalleryQuery(before=position, limit=_PAGE, shown=Shown.ALL))
            position = max(page.next or floor, floor)
            self._read([artifact for artifact in page.artifacts if artifact.id > floor])
            is_complete = position <= floor
            if is_complete:
                floor = position = start
            self._index.add([], {"floor": floor, "start": start, "position": position})
            if is_over():
                return is_complete
        return True

    def _read(self, artifacts: list[GalleryArtifact]) -> None:
        known = self._index.known([artifact.id for artifact in artifacts])
        for artifact in artifacts:
            if artifact.id in known or artifact.kind is not Kind.IMAGE:
                continue
            bits = make_fingerprint(artifact, self._published, self._fingerprints)
            self._index.add([(artifact.id, bits)], {})
