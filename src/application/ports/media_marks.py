"""The port for looking into media files: what they state about their origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Manifest:
    """The C2PA manifest in a file, and whether its signature holds.

    Attributes:
        is_valid: whether nothing was changed since it was signed.
        is_trusted: whether the signer is on the list of trusted ones.
        signer: who signed it, as the certificate says.
        source_type: the term of the IPTC vocabulary that its actions state, or "".
        problems: codes of the specification for what is wrong.
        ingredients: titles of the signed files that it was made from.
    """

    is_valid: bool
    is_trusted: bool
    signer: str
    source_type: str
    problems: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file says about itself.

    Attributes:
        format: as in ``MediaFacts``; None if it is no media file that is known.
        size: in bytes.
        sha256: of the content, as hexadecimal digits.
        damage: why it is not whole, in words that follow its name; "" if it is, or was not
            examined.
        source_type: the term of the IPTC vocabulary in its metadata, or "".
        statements: what the metadata state beside it: "id", "program", "system", "workflow",
            "made_at" and "prompt", as far as they do.
        manifest: None if it has none, or it could not be checked.
        unchecked: why its metadata or its manifest could not be checked, in one sentence; ""
            otherwise.
    """

    format: str | None
    size: int
    sha256: str
    damage: str = ""
    source_type: str = ""
    statements: Mapping[str, str] = field(default_factory=dict)
    manifest: Manifest | None = None
    unchecked: str = ""


class MediaInspector(Protocol):
    """Looks into media files of any origin."""

    def inspect(self, path: Path) -> Inspection:
        """Everything about a file, which is decoded to its last byte.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def read_marks(self, file: io.RawIOBase, sidecar: bytes | None = None) -> Inspection:
        """What a file states, without decoding it.

        Args:
            file: seekable, open for reading, buffered or not; it stays open.
            sidecar: the manifest beside a file whose format cannot hold it, or None.

        Raises:
            OSError: it cannot be read.
        """
        ...


class PictureIndex(Protocol):
    """Finds fingerprints that differ in few bits. Every method raises OSError if it cannot."""

    def bits_of(self, artifact_id: int) -> int | None:
        """The fingerprint of a picture, or None if it has none."""
        ...

    def known(self, artifact_ids: Sequence[int]) -> set[int]:
        """Those of some pictures that were read, with a fingerprint or without."""
        ...

    def cursors(self) -> Mapping[str, int]:
        """How far the pictures were read, by the name of the cursor."""
        ...

    def add(
        self, fingerprints: Sequence[tuple[int, int | None]], cursors: Mapping[str, int]
    ) -> None:
        """Add fingerprints by the ids of their rows, and remember how far the pictures were read.

        Args:
            fingerprints: None for a picture that cannot be read.
            cursors: by their names.
        """
        ...

    def near(self, bits: int, limit: int) -> Sequence[tuple[int, int]]:
        """Pictures that differ in few bits: the number of bits and the row's id, nearest first."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Fingerprints(Protocol):
    """Fingerprints of pictures, which are nearly the same for pictures that look the same."""

    def of(self, file: io.RawIOBase, format_name: str) -> int:
        """The fingerprint of a picture, 64 bits.

        Args:
            file: seekable; it stays open.
            format_name: "png", "jpeg" or "webp".

        Raises:
            InvalidMediaError: the picture is damaged, or needs too much memory.
            OSError: it cannot be read.
        """
        ...

    def known(self) -> Mapping[str, int]:
        """The fingerprints that were saved, by names of their pictures."""
        ...

    def save(self, fingerprints: Iterable[tuple[str, int]]) -> None:
        """Save fingerprints with the names of their pictures."""
        ...

    def nearest(
        self, bits: int, fingerprints: Sequence[int], limit: int
    ) -> Sequence[tuple[int, int]]:
        """The fingerprints that differ in few bits, the nearest first.

        Args:
            bits: the fingerprint.
            fingerprints: to compare it with.
            limit: bits in which one may differ, at most.

        Returns:
            Pairs of the number of different bits and the place in ``fingerprints``.
        """
        ...
