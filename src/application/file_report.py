"""Judging media files by what they state, their signatures, and the rows of published files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from application.ports.gallery import GalleryQuery, Shown
from domain.mark import SYNTHETIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.media_marks import Inspection

_PAGE: Final = 500  # rows that are read at a time
_URN: Final = "urn:uuid:"
_ENDED: Final = frozenset({"signingCredential.expired"})
_CERTIFICATE_ENDED: Final = (
    "It was not changed, but the certificate of its signature has ended, and no time stamp that"
    " counts says that it was signed before."
)


class Verdict(StrEnum):
    """The result for one file, as JSON names it."""

    MARKED = "marked"  # and nothing is wrong with it
    UNMARKED = "unmarked"
    CHANGED = "changed"  # damaged, or not what was signed or published
    UNREADABLE = "unreadable"  # no such file, or no media


@dataclass(frozen=True, slots=True)
class FileReport:
    """What is known of one file.

    Attributes:
        verdict: the result.
        reason: why it is so, in one sentence; "" if there is nothing to say.
        inspection: None if it cannot be read.
        artifact: the row of the published file that it is, or that it was before it was changed.
        similar: published pictures that look like it, with the number of different bits of 64.
    """

    verdict: Verdict
    reason: str = ""
    inspection: Inspection | None = None
    artifact: GalleryArtifact | None = None
    similar: tuple[tuple[GalleryArtifact, int], ...] = ()


def mark_id(artifact: GalleryArtifact) -> str:
    """The id of the mark that a row records, or ""."""
    mark = artifact.metadata.get("mark")
    stated = mark.get("id") if isinstance(mark, dict) else None
    return stated if isinstance(stated, str) else ""


def stated_id(inspection: Inspection) -> str:
    """The id in the mark of a file, or ""."""
    return inspection.statements.get("id", "").removeprefix(_URN)


def all_artifacts(gallery: Gallery) -> Iterator[GalleryArtifact]:
    """The rows of all published files, newest first; read a few hundred at a time."""
    before: int | None = None
    while True:
        page = gallery.page(GalleryQuery(before=before, limit=_PAGE, shown=Shown.ALL))
        yield from page.artifacts
        if page.next is None:
            return
        before = page.next


def find_artifacts(gallery: Gallery, keys: Collection[str]) -> dict[str, GalleryArtifact]:
    """The newest rows of published files by their SHA-256 and by the ids of their marks.

    Args:
        gallery: reads the rows.
        keys: the hashes and ids to look for. Every row is read for them.
    """
    found_rows: dict[str, GalleryArtifact] = {}
    if not keys:
        return found_rows
    for artifact in all_artifacts(gallery):
        for key in (artifact.metadata.get("sha256"), mark_id(artifact)):
            if isinstance(key, str) and key in keys:
                found_rows.setdefault(key, artifact)
    return found_rows


def judge(inspection: Inspection, artifact: GalleryArtifact | None = None) -> FileReport:
    """The report on a file that was inspected.

    Args:
        inspection: of the file.
        artifact: the row with its hash, or else with the id of its mark; None if there is none.
    """
    verdict, reason = _verdict(inspection, artifact)
    return FileReport(verdict, reason, inspection, artifact)


def _verdict(inspection: Inspection, artifact: GalleryArtifact | None) -> tuple[Verdict, str]:
    if inspection.format is None:
        return Verdict.UNREADABLE, "It is no picture or song of a known format."
    if inspection.damage:
        return Verdict.CHANGED, f"It {inspection.damage}"
    manifest = inspection.manifest
    has_ended = manifest is not None and frozenset(manifest.problems) == _ENDED
    if manifest is not None and not manifest.is_valid and not has_ended:
        return Verdict.CHANGED, f"Its signature is not valid ({', '.join(manifest.problems)})."
    if artifact is not None and artifact.metadata.get("sha256") != inspection.sha256:
        return Verdict.CHANGED, "It was changed since it was published."
    terms = {inspection.source_type, manifest.source_type if manifest else ""}
    if terms & SYNTHETIC:
        return Verdict.MARKED, _CERTIFICATE_ENDED if has_ended else inspection.unchecked
    return Verdict.UNMARKED, inspection.unchecked or "It does not say that a machine made it."
