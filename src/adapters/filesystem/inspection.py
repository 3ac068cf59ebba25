"""Looking into media files of any origin: marks, signatures, and whether they are whole."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from adapters.filesystem.verification.media import InvalidMediaError
from adapters.filesystem.verification.picture import verify_picture
from adapters.filesystem.verification.song import verify_song
from adapters.media_formats import HEAD_BYTES, song_format, tagged_song_format
from adapters.media_marks.layout import UNREADABLE, MarkError
from adapters.media_marks.marker import scan_file
from adapters.media_marks.signature import CertificateError, read_manifest
from adapters.picture_files import picture_format
from application.ports.media_marks import Inspection
from domain.mark import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from adapters.filesystem.limits import StoreLimits
    from adapters.media_marks.layout import Layout

_PICTURES = frozenset({"png", "jpeg", "webp"})
_OGG_HEAD = 64  # bytes; the name of the codec stands behind the first page's head
_NAMES = {  # of what a mark states, by its tags in songs and its properties in XMP
    "DOCUMENTID": "id",
    "CREATORTOOL": "program",
    "AISYSTEMUSED": "system",
    "WORKFLOWNAME": "workflow",
    "CREATEDATE": "made_at",
    "AIPROMPTINFORMATION": "prompt",
}
_PROPERTIES = {
    "{http://ns.adobe.com/xap/1.0/mm/}DocumentID": "id",
    "{http://ns.adobe.com/xap/1.0/}CreatorTool": "program",
    "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}AISystemUsed": "system",
    "{http://purl.org/dc/elements/1.1/}source": "workflow",
    "{http://ns.adobe.com/xap/1.0/}CreateDate": "made_at",
    "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}AIPromptInformation": "prompt",
}
_MAX_STATEMENT = 20_000  # characters
_WITHOUT_MANIFEST = frozenset({"ogg", "opus"})
_NEVER_SIGNED = (".ogg", ".opus")  # cannot hold a manifest, so one beside them is theirs
_MAX_MANIFEST = 64 * 1024 * 1024  # bytes


class FileInspector:
    """Looks into media files.

    Args:
        limits: on the size of pictures and songs that are decoded.
        anchors: certificates of trusted authorities in PEM, or None for none.
    """

    def __init__(self, limits: StoreLimits, anchors: str | None = None) -> None:
        self._limits = limits
        self._anchors = anchors

    def inspect(self, path: Path) -> Inspection:
        """Everything about a file, which is decoded to its last byte.

        Raises:
            OSError: it cannot be read, or is no plain file.
        """
        # Opening a pipe would wait for a program that writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no plain file")
            sidecar = _manifest_beside(path)
            seen = self.read_marks(file, sidecar)
        if (
            sidecar is not None
            and seen.format in _WITHOUT_MANIFEST
            and not (seen.manifest and seen.manifest.is_valid)
            and _is_of_neighbour(path, sidecar)
        ):
            seen = replace(seen, manifest=None)
        if seen.format is None:
            return seen
        verify = verify_picture if seen.format in _PICTURES else verify_song
        try:
            verify(path, seen.size, self._limits)
        except InvalidMediaError as error:
            return replace(seen, damage=error.reason)
        return seen

    def read_marks(self, file: io.RawIOBase, sidecar: bytes | None = None) -> Inspection:
        """What a file states, without decoding it."""
        buffered = io.BufferedReader(file)
        try:
            return self._read_marks(buffered, sidecar)
        finally:
            buffered.detach()  # or it would close the file

    def _read_marks(
        self, file: io.BufferedReader[io.RawIOBase], sidecar: bytes | None
    ) -> Inspection:
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        format_name = _format(file)
        if format_name is None:
            return Inspection(None, size, sha256)
        try:
            layout = scan_file(file, format_name)
        except UNREADABLE as error:
            what = error if isinstance(error, MarkError) else "has metadata that are damaged"
            reason = f"Its metadata cannot be read: it {what}."
            return Inspection(format_name, size, sha256, unchecked=reason)
        seen = Inspection(
            format_name,
            size,
            sha256,
            source_type=layout.source_type(),
            statements=_statements(layout),
        )
        if layout.manifest:
            sidecar = None
        if not (layout.manifest or sidecar):
            return seen
        try:
            manifest = read_manifest(file, format_name, self._anchors, sidecar)
            return replace(seen, manifest=manifest)
        except CertificateError as error:
            return replace(seen, unchecked=f"It is signed, but {error}.")


def _manifest_beside(path: Path) -> bytes | None:
    """The manifest that stands in a file of its own, or None if that is another file's."""
    beside = path.with_suffix(f".{MANIFEST}")
    if beside == path or not beside.is_file() or beside.stat().st_size > _MAX_MANIFEST:
        return None
    songs = [path.with_suffix(suffix) for suffix in _NEVER_SIGNED]
    if path.suffix not in _NEVER_SIGNED and any(song.is_file() for song in songs):
        return None
    return beside.read_bytes()


def _is_of_neighbour(path: Path, sidecar: bytes) -> bool:
    """Whether a manifest covers another song of the same name, so that it is not this one's."""
    for song in (path.with_suffix(suffix) for suffix in _NEVER_SIGNED):
        if song == path or not song.is_file():
            continue
        with suppress(OSError, CertificateError), song.open("rb") as file:
            manifest = read_manifest(file, "ogg", sidecar=sidecar)
            if manifest is not None and manifest.is_valid:
                return True
    return False


def _format(file: BinaryIO) -> str | None:
    """The format of a file, by its content."""
    file.seek(0)
    head = file.read(_OGG_HEAD)
    format_name = picture_format(head) or song_format(head[:HEAD_BYTES])
    if head.startswith(b"ID3"):
        return tagged_song_format(file)
    if format_name == "ogg" and b"OpusHead" in head:
        return "opus"
    return format_name


def _statements(layout: Layout) -> Mapping[str, str]:
    """What a mark states beside the type of source, by plain names."""
    stated = {name: layout.tags[tag] for tag, name in _NAMES.items() if layout.tags.get(tag)}
    packet = layout.xmp or b""
    if b"<!" in packet:  # a definition of entities, which no XMP needs
        return stated
    try:
        root = ET.fromstring(packet.strip(b"\0 \n"))  # noqa: S314 - entities are refused above
    except (ET.ParseError, ValueError, RecursionError):
        return stated
    for element in root.iter():
        for tag, text in (*element.attrib.items(), (element.tag, element.text or "")):
            name = _PROPERTIES.get(tag)
            if name and text.strip():
                stated.setdefault(name, text.strip()[:_MAX_STATEMENT])
    return stated
