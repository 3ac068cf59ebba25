"""Marks of origin: the XMP packet, its place in pictures, and the copy that has it.

A marked file consists of pieces of the file that was verified and of new bytes between them; no
byte of the picture or the sound is encoded again. Sources: XMP specification part 3 (places in
PNG, JPEG and WebP), IPTC Photo Metadata Standard 2025.1 (properties), PNG specification third
edition section 11.3.3, RFC 9649 section 2.7 (WebP).
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import uuid
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

from adapters.media_marks.layout import (
    MAX_PACKET,
    RDF,
    SOURCE_TYPE,
    UNREADABLE,
    Layout,
    MarkError,
    read_part,
    riff_chunk,
    riff_head,
    signed_source_type,
)
from domain.mark import SIDECAR, SOURCE_TYPES, SYNTHETIC, FileMark, manifest_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from adapters.media_marks.layout import Embed, Piece, Scan
    from adapters.media_marks.signature import Signer
from domain.mark import Mark

_READ_BYTES: Final = 256 * 1024  # at a time, so that they stay in the processor's cache
_NEW_FILE_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_PROMPT: Final = 10_000  # characters; a segment of a JPEG has 64 KiB
_NAMESPACE: Final = uuid.UUID("6c1f4b52-8d0e-5f6e-9a57-0f3c5d2b7e41")  # of the ids of marks
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SOURCE_TYPE_PROPERTY: Final = b":DigitalSourceType"
_END_OF_RDF: Final = re.compile(rb"</[A-Za-z_][\w.-]*:RDF\s*>\s*</")
_PACKET: Final = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + RDF + b'">%b</rdf:RDF>'
    b'</x:xmpmeta><?xpacket end="r"?>'
)
_DECLARED: Final = (
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
_PROPERTIES: Final = {  # of XMP, for each tag of a song
    "DIGITALSOURCETYPE": "Iptc4xmpExt:DigitalSourceType",
    "AISYSTEMUSED": "Iptc4xmpExt:AISystemUsed",
    "AIPROMPTINFORMATION": "Iptc4xmpExt:AIPromptInformation",
    "CREATORTOOL": "xmp:CreatorTool",
    "CREATEDATE": "xmp:CreateDate",
    "DOCUMENTID": "xmpMM:DocumentID",
    "WORKFLOWNAME": "dc:source",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A file that was marked, or left as it is.

    Attributes:
        size: in bytes.
        sha256: of the content, as hexadecimal digits.
        mark: what it states.
        manifest: its C2PA manifest in a file of its own; None if there is none.
    """

    size: int
    sha256: str
    mark: FileMark
    manifest: Path | None = None


class Marker:
    """Marks verified files. Safe to use from several threads.

    Args:
        software: name and version of this program.
        with_metadata: whether a mark is written into the metadata of files.
        with_prompt: whether the text of the prompt becomes part of it.
        signer: signs files too; None for no signatures.
        signs_signed: whether a file that comes with a signature is signed as well, with its own
            manifest as an ingredient, instead of staying as it is.
        with_sidecars: whether the manifest of a file that cannot hold it is written beside it.
    """

    def __init__(
        self,
        software: str,
        *,
        with_metadata: bool = True,
        with_prompt: bool = False,
        signer: Signer | None = None,
        signs_signed: bool = False,
        with_sidecars: bool = False,
    ) -> None:
        self._software = software
        self._with_metadata = with_metadata
        self._with_prompt = with_prompt
        self._signer = signer
        self._signs_signed = signs_signed
        self._with_sidecars = with_sidecars

    def mark(self, source: Path, target: Path, format_name: str, mark: Mark) -> Marked:
        """Write a marked copy of a file, or rename the file if it stays as it is.

        A file that states already that a machine made it, or that is signed, stays as it is.

        Args:
            source: a verified file; it is gone afterwards.
            target: must not exist.
            format_name: the format of the file, as in ``MediaFacts``.
            mark: what to state.

        A file that cannot be marked stays as it is too; the mark that is returned says why. It
        may have metadata that leave no room, or not be understood (``MarkError``).

        Raises:
            OSError: the files cannot be read or written.
        """
        mark_id = str(uuid.uuid5(_NAMESPACE, f"{mark.key}/{target.name}"))
        values = {
            "DIGITALSOURCETYPE": SOURCE_TYPES + mark.source_type,
            "AISYSTEMUSED": mark.system,
            "AIPROMPTINFORMATION": mark.prompt[:_MAX_PROMPT] if self._with_prompt else "",
            "CREATORTOOL": self._software,
            "CREATEDATE": f"{mark.made_at:%Y-%m-%dT%H:%M:%SZ}",
            "DOCUMENTID": f"urn:uuid:{mark_id}",
            "WORKFLOWNAME": mark.workflow,
        }
        attributes = " ".join(
            f"{_PROPERTIES[tag]}={quoteattr(_NOT_XML.sub('', text))}"
            for tag, text in values.items()
            if text
        )
        description = f'<rdf:Description rdf:about="" {_DECLARED} {attributes}/>'
        stated_xmp = description.encode("utf-8", "replace")
        scan, embed = _PICTURES.get(format_name) or _song(format_name)
        with source.open("rb") as original:
            try:
                layout = scan(original)
                stated = layout.source_type() if layout.xmp or layout.tags else ""
                if layout.manifest or stated in SYNTHETIC or not self._with_metadata:
                    present = "present" if stated in SYNTHETIC else ""
                    signed = "present" if layout.manifest else ""
                    stated = signed_source_type(original, layout) or stated
                    kept = FileMark(mark.ids.get(target.name, ""), stated, present, signed)
                else:
                    packet = _PACKET % stated_xmp
                    if layout.xmp is not None:
                        packet = merged_packet(layout.xmp, stated_xmp)
                    pieces = embed(original, layout, packet, values)
                    # A signed file is hashed once it is signed.
                    digest = None if self._signer else hashlib.sha256()
                    size = copy_pieces(original, pieces, target, digest)
                    sha256 = digest.hexdigest() if digest else ""
                    with target.open("rb") as copy:
                        written = scan(copy)
                    tag = written.tags.get("DIGITALSOURCETYPE")
                    if written.xmp != packet and tag != values["DIGITALSOURCETYPE"]:
                        raise MarkError("does not hold its mark after it was written")
                    source.unlink()
                    stated_mark = FileMark(mark_id, mark.source_type, "written")
                    marked = Marked(size, sha256, stated_mark)
                    if self._signer is None:
                        return marked
                    return self._signed(marked, target, format_name, mark)
            except UNREADABLE as error:
                target.unlink(missing_ok=True)
                kept = FileMark(problem=str(error) or type(error).__name__)
            original.seek(0)
            sha256 = hashlib.file_digest(original, "sha256").hexdigest()
            size = original.tell()
        source.rename(target)
        marked = Marked(size, sha256, kept)
        if self._signer and not kept.problem and (self._signs_signed or not kept.signature):
            return self._signed(marked, target, format_name, mark)
        return marked

    def _signed(self, marked: Marked, path: Path, format_name: str, mark: Mark) -> Marked:
        """Sign a file; one that cannot be signed stays as it is, and the mark says so."""
        from adapters.media_marks.signature import SIGNABLE, CertificateError

        assert self._signer is not None  # noqa: S101 - asked by the caller
        signed = path.with_name(".signed")
        is_signed = bool(marked.mark.signature)
        manifest = None
        try:
            if format_name in SIGNABLE or not self._with_sidecars:
                problem = self._signer.sign(path, signed, format_name, mark, is_signed=is_signed)
                # The library rewrites ID3 tags. It drops those that it cannot read, and adds a byte
                # to timed lyrics, which readers then refuse (c2pa-python 0.38.1).
                with path.open("rb") as file, signed.open("rb") as copy:
                    before, after = scan_file(file, format_name), scan_file(copy, format_name)
                if marked.mark.metadata and not after.source_type():
                    raise MarkError("would lose its mark")
                if after.frames < before.frames or after.timed_lyrics != before.timed_lyrics:
                    raise MarkError("would lose a part of its ID3 tag")
                signed.replace(path)
                signature = "ingredient" if is_signed else "written"
            else:
                manifest = path.with_name(manifest_path(path.name))
                problem = self._signer.sign_beside(path, manifest, format_name, mark)
                signature = SIDECAR
        except (CertificateError, *UNREADABLE) as error:
            signed.unlink(missing_ok=True)
            manifest = None
            stated = replace(marked.mark, problem=f"not signed: {error}")
        else:
            stated = replace(
                marked.mark, source_type=mark.source_type, signature=signature, problem=problem
            )
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return Marked(file.tell(), sha256, stated, manifest)


def copy_pieces(
    source: BinaryIO, pieces: Sequence[Piece], target: Path, digest: hashlib._Hash | None
) -> int:
    """Write a file that consists of parts of another and of new bytes, and read it again.

    Args:
        source: the file from which the parts are copied.
        pieces: in the order of the new file.
        target: must not exist; it is made with mode 644 whatever the umask.
        digest: of what was read again; None if no hash is needed.

    Returns:
        Size in bytes.

    Raises:
        MarkError: something else was read than was written.
        OSError: a file cannot be read or written.
    """
    position = 0
    copy = os.open(target, _NEW_FILE_FLAGS, 0o600)
    try:
        for piece in pieces:
            start, end = (0, len(piece)) if isinstance(piece, bytes) else piece
            while start < end:
                if isinstance(piece, bytes):
                    block = piece[start : start + _READ_BYTES]
                else:
                    block = os.pread(source.fileno(), min(_READ_BYTES, end - start), start)
                if not block:
                    raise MarkError("ended early while it was copied")
                written = os.write(copy, block)
                again = os.pread(copy, written, position)
                if again != block[:written]:
                    raise MarkError("is different after it was written")
                if digest is not None:
                    digest.update(again)
                start += written
                position += written
        os.fchmod(copy, 0o644)
    finally:
        os.close(copy)
    return position


def merged_packet(present: bytes, stated: bytes) -> bytes:
    """A packet with a further description; a new one if the present one cannot hold it.

    Another type of source is replaced where it stands. What the packet states already stays, and
    is not stated twice, which strict readers refuse.

    Args:
        present: the packet in the file.
        stated: an `rdf:Description` that declares its namespaces, but for `rdf`.
    """
    address = SOURCE_TYPE.search(stated)
    ends = list(_END_OF_RDF.finditer(present))
    is_foreign = _SOURCE_TYPE_PROPERTY in present and not SOURCE_TYPE.search(present)
    if not ends or is_foreign or address is None:
        return _PACKET % stated
    end = ends[-1].start()
    head, behind = SOURCE_TYPE.sub(address[0], present[:end]), present[end:]
    for name in _PROPERTIES.values():
        if f":{name.partition(':')[2]}".encode() in head:
            stated = re.sub(rb" %b=(\"[^\"]*\"|'[^']*')" % name.encode(), b"", stated)
    declared = stated.replace(b" ", b' xmlns:rdf="%b" ' % RDF, 1)
    return head + declared + behind


# --------------------------------------------------------------------------------------------- PNG

_PNG_SIGNATURE = 8  # bytes
_PNG_XMP = b"XML:com.adobe.xmp\0"


def _scan_png(file: BinaryIO) -> Layout:
    """Chunk by chunk; the packet stands before the picture data."""
    layout = Layout(file.seek(0, os.SEEK_END))
    position = _PNG_SIGNATURE
    kind = b""
    while kind != b"IEND":
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        end = position + length + 12
        if kind == b"IDAT" and layout.xmp_part == (0, 0):
            layout.xmp_part = (position, position)
        elif kind == b"caBX":
            layout.manifest.append((position + 8, position + 8 + length))
        elif kind == b"iTXt" and file.read(len(_PNG_XMP)) == _PNG_XMP:
            if length > MAX_PACKET:
                raise MarkError(f"has metadata of {length:,} bytes")
            packed, _, *rest = file.read(length - len(_PNG_XMP))
            text = bytes(rest).split(b"\0", 2)[2]  # behind language and translated keyword
            layout.xmp = _inflated(text) if packed else text
            layout.xmp_part = (position, end)
        position = end
    if position > layout.size or layout.xmp_part == (0, 0):
        raise MarkError("is cut off")
    return layout


def _inflated(text: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(text, MAX_PACKET)
    except zlib.error as error:
        raise MarkError("has metadata that cannot be unpacked") from error
    if unpacker.unconsumed_tail:
        raise MarkError(f"has metadata of more than {MAX_PACKET:,} bytes")
    return unpacked


def _embed_png(_: BinaryIO, layout: Layout, packet: bytes, __: Mapping[str, str]) -> list[Piece]:
    body = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return [(0, layout.xmp_part[0]), chunk, (layout.xmp_part[1], layout.size)]


# -------------------------------------------------------------------------------------------- JPEG

_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_SEGMENT = 65_533  # bytes behind the length
_APP0, _APP1, _APP11 = 0xE0, 0xE1, 0xEB
_APP11_HEAD = 20  # bytes from the marker to the content of a box, which each segment repeats
_C2PA_TYPE = slice(24, 28)  # of a segment; other boxes stand in such segments too
_START_OF_SCAN = 0xDA


def _scan_jpeg(file: BinaryIO) -> Layout:
    """Segment by segment up to the picture data; the packet stands behind JFIF and EXIF."""
    layout = Layout(file.seek(0, os.SEEK_END))
    position, marker = 2, _APP0
    is_leading = True
    layout.xmp_part = (position, position)
    while marker != _START_OF_SCAN:
        mark, marker = read_part(file, (position, position + 2))
        if mark != 0xFF:  # noqa: PLR2004
            raise MarkError("has no marker where one must stand")
        if marker == 0xFF:  # noqa: PLR2004 (any number of these may precede a marker)
            position += 1
            continue
        (length,) = struct.unpack(">H", read_part(file, (position + 2, position + 4)))
        end = position + 2 + length
        head = file.read(min(len(_JPEG_XMP), length - 2))
        if marker == _APP1 and head == _JPEG_XMP:
            layout.xmp = read_part(file, (position + 4 + len(_JPEG_XMP), end))
            layout.xmp_part = (position, end)
        elif marker == _APP11 and (
            head[_C2PA_TYPE] == b"c2pa" or (layout.manifest and head.startswith(b"JP"))
        ):
            layout.manifest.append((min(position + _APP11_HEAD, end), end))
        is_leading = is_leading and (marker == _APP0 or head.startswith(b"Exif\0"))
        if is_leading:
            layout.xmp_part = (end, end)
        position = end
    return layout


def _embed_jpeg(_: BinaryIO, layout: Layout, packet: bytes, __: Mapping[str, str]) -> list[Piece]:
    body = _JPEG_XMP + packet
    if len(body) > _MAX_SEGMENT:
        raise MarkError("has XMP of its own that leaves no room for more")
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return [(0, layout.xmp_part[0]), segment, (layout.xmp_part[1], layout.size)]


# -------------------------------------------------------------------------------------------- RIFF

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_FOURTEEN_BITS = 0x3FFF


def _scan_webp(file: BinaryIO) -> Layout:
    """Chunk by chunk; the packet stands behind the picture."""
    size = file.seek(0, os.SEEK_END)
    layout = Layout(size, xmp_part=(size, size))
    position = 12
    while position < size:
        kind, length = struct.unpack("<4sI", read_part(file, (position, position + 8)))
        end = position + 8 + length + length % 2
        if kind == b"C2PA":
            layout.manifest.append((position + 8, position + 8 + length))
        elif kind == b"XMP ":
            layout.xmp = read_part(file, (position + 8, position + 8 + length))
            layout.xmp_part = (position, end)
        layout.places.setdefault(kind.decode("latin-1"), (position, end))
        position = end
    if position != size:
        raise MarkError("is cut off")
    return layout


def _embed_webp(file: BinaryIO, layout: Layout, packet: bytes, _: Mapping[str, str]) -> list[Piece]:
    """A file in the simple form becomes one in the extended form, which may hold XMP."""
    chunk = riff_chunk(b"XMP ", packet)
    begin = 12
    if "VP8X" in layout.places:
        begin = layout.places["VP8X"][1]
        flags, rest = struct.unpack("<B9s", read_part(file, (20, 30)))
    elif "VP8L" in layout.places:
        (bits,) = struct.unpack("<I", read_part(file, (21, 25)))
        width, height = bits & _FOURTEEN_BITS, bits >> 14 & _FOURTEEN_BITS
        flags, rest = _ALPHA_FLAG if bits >> 28 & 1 else 0, _canvas(width, height)
    else:
        width, height = struct.unpack("<HH", read_part(file, (26, 30)))
        flags = 0
        rest = _canvas((width & _FOURTEEN_BITS) - 1, (height & _FOURTEEN_BITS) - 1)
    extended = riff_chunk(b"VP8X", bytes([flags | _XMP_FLAG]) + rest)
    begin_xmp, end_xmp = layout.xmp_part
    pieces: list[Piece] = [extended, (begin, begin_xmp), chunk, (end_xmp, layout.size)]
    return [riff_head(b"WEBP", pieces), *pieces]


def _canvas(width: int, height: int) -> bytes:
    """The rest of a VP8X chunk for a canvas; each side is one pixel longer than the number."""
    return bytes(3) + width.to_bytes(3, "little") + height.to_bytes(3, "little")


_PICTURES: Final[Mapping[str, tuple[Scan, Embed]]] = {
    "png": (_scan_png, _embed_png),
    "jpeg": (_scan_jpeg, _embed_jpeg),
    "webp": (_scan_webp, _embed_webp),
}


def _song(format_name: str) -> tuple[Scan, Embed]:
    """How songs of a format are scanned and marked; pictures need none of it."""
    from adapters.media_marks.songs import SONGS

    return SONGS[format_name]


def scan_file(file: BinaryIO, format_name: str) -> Layout:
    """The layout of a media file.

    Args:
        file: seekable.
        format_name: as in ``MediaFacts``.

    Raises:
        MarkError: it cannot be read; see ``UNREADABLE`` for what else is raised.
    """
    scan, _ = _PICTURES.get(format_name) or _song(format_name)
    return scan(file)


def picture_source_type(file: BinaryIO, format_name: str) -> str:
    """The term that the metadata of a picture state, or else its manifest; "" if there is none.

    Args:
        file: seekable.
        format_name: as in ``MediaFacts``.
    """
    try:
        layout = scan_file(file, format_name)
        return layout.source_type() or signed_source_type(file, layout)
    except UNREADABLE:
        return ""
