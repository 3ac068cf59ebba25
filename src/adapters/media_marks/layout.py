"""The places in a media file that matter to its mark, and how parts of a file are read."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.mark import SOURCE_TYPES, SYNTHETIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from adapters.media_formats import Part

MAX_PACKET: Final = 4 * 1024 * 1024
"""Bytes of an XMP packet that is read."""

_MAX_MANIFEST: Final = 64 * 1024 * 1024
"""Bytes of a part of a manifest that is read."""

RDF: Final = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#"
"""The namespace of descriptions in XMP."""

MAX_RIFF: Final = 2**32 - 2
"""Bytes behind the length of a RIFF file."""

SOURCE_TYPE: Final = re.compile(rb"https?://cv\.iptc\.org/newscodes/digitalsourcetype/(\w+)")
"""An address of the vocabulary of the IPTC; the group is the term."""


_SYNTHETIC: Final = re.compile(
    SOURCE_TYPES.encode().replace(b"http:", b"https?:").replace(b".", rb"\.")
    + b"("
    + "|".join(sorted(SYNTHETIC)).encode()
    + b")"
)  # in a manifest, no separator need follow


class MarkError(Exception):
    """Why a file cannot be marked, in words that follow "it"."""


UNREADABLE: Final = (MarkError, struct.error, ValueError, IndexError, zlib.error)
"""What scanning a damaged file raises."""


@dataclass(slots=True)
class Layout:
    """The places in a media file that matter to its mark.

    Attributes:
        size: bytes in the file.
        xmp: the XMP packet, or None.
        xmp_part: what a new packet replaces, or the place for it if there is none.
        manifest: the parts that hold a C2PA manifest, without what divides them; none if the file
            is not signed.
        tags: texts of a song, by their names in capitals.
        frames: number of frames in its ID3 tags, without manifests.
        timed_lyrics: those of these frames that hold words with their times.
        places: further places that embedding needs; each format has its own.
    """

    size: int
    xmp: bytes | None = None
    xmp_part: Part = (0, 0)
    manifest: list[Part] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    frames: int = 0
    timed_lyrics: list[bytes] = field(default_factory=list)
    places: dict[str, Part] = field(default_factory=dict)

    def source_type(self) -> str:
        """The term of the IPTC vocabulary that the file states, or ""."""
        stated = self.tags.get("DIGITALSOURCETYPE", "").encode("utf-8", "replace")
        term = SOURCE_TYPE.search(self.xmp or b"") or SOURCE_TYPE.search(stated)
        return term[1].decode() if term else ""


if TYPE_CHECKING:
    Piece = Part | bytes
    Scan = Callable[[BinaryIO], Layout]
    Embed = Callable[[BinaryIO, Layout, bytes, Mapping[str, str]], Sequence[Piece]]


def read_part(file: BinaryIO, part: Part, limit: int = MAX_PACKET) -> bytes:
    """The bytes of a part; raises MarkError if they are too many or missing."""
    start, end = part
    if not 0 <= end - start <= limit:
        raise MarkError(f"has metadata of {end - start:,} bytes")
    file.seek(start)
    data = file.read(end - start)
    if len(data) != end - start:
        raise MarkError("is cut off")
    return data


def signed_source_type(file: BinaryIO, layout: Layout) -> str:
    """The term that a file's manifest states if a machine made it, or ""; signatures count not.

    Needs no library, and reads a few kilobytes. The newest manifest stands last.

    Raises:
        MarkError: the manifest is too long, or cut off.
    """
    content = b"".join(read_part(file, part, _MAX_MANIFEST) for part in layout.manifest)
    terms = _SYNTHETIC.findall(content)
    return terms[-1].decode() if terms else ""


def thumbnail_packet(source_type: str) -> bytes:
    """A small packet with the type of source alone, for a smaller copy of a picture.

    Args:
        source_type: the term that the picture states, or "".

    Returns:
        b"" if the picture does not say that a machine made it.
    """
    if source_type not in SYNTHETIC:
        return b""
    address = (SOURCE_TYPES + source_type).encode()
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + RDF + b'">'
        b'<rdf:Description rdf:about="" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        b' i:DigitalSourceType="' + address + b'"/></rdf:RDF></x:xmpmeta>'
    )


def riff_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length, filled up to an even number of bytes."""
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff_head(form: bytes, pieces: Sequence[Piece]) -> bytes:
    """The head of a RIFF file that consists of these pieces; MarkError if they are too many."""
    length = 4 + sum(
        len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in pieces
    )
    if length > MAX_RIFF:
        raise MarkError("is too large for a mark")
    return b"RIFF" + struct.pack("<I", length) + form
