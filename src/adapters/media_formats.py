"""Accepted media formats: their first bytes, and the parts of files that decoders need.

Songs: tags of several sorts may stand before and behind the sound, in any order. FFmpeg takes some
of them for damage, and does not know FLAC behind an ID3v2 tag. Sources: id3.org (ID3v1, enhanced
ID3v1, ID3v2.4 section 3, Lyrics3 and Lyrics3v2), the APEv2 specification.
"""

from __future__ import annotations

import io
import os
import re
import struct
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

HEAD_BYTES: Final = 12

# FFmpeg's name of each container, and the prefixes of its names for the codecs inside.
FFMPEG_CONTAINERS: Final = MappingProxyType(
    {
        "mp3": ("mp3", ("mp3",)),
        "wav": ("wav", ("pcm_",)),
        "flac": ("flac", ("flac",)),
        "ogg": ("ogg", ("vorbis", "libvorbis", "flac")),
        "opus": ("ogg", ("opus", "libopus")),
        "m4a": ("mov", ("aac", "alac")),
    }
)

CONTENT_TYPES: Final = MappingProxyType(
    {
        "png": "image/png",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "opus": "audio/ogg; codecs=opus",  # RFC 7845, section 9
        "m4a": "audio/mp4",
        "c2pa": "application/c2pa",
        None: "application/octet-stream",
    }
)
"""The media type of each format for the Content-Type header; None is any other format."""

# Media in other formats: suffixes, and the first bytes that tell them apart.
UNACCEPTED_SUFFIXES: Final = frozenset(
    (
        *(".avif", ".heic", ".heif", ".exr", ".tif", ".tiff", ".bmp", ".gif", ".tga", ".jxl"),
        *(".jp2", ".psd", ".svg", ".hdr", ".ppm", ".pgm", ".apng", ".dng", ".ico", ".qoi"),
        *(".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ogv", ".flv"),
        *(".aac", ".aif", ".aiff", ".wma", ".mka", ".mid", ".midi", ".amr", ".ac3", ".caf"),
        *(".w64", ".ape", ".wv", ".alac", ".au", ".rf64", ".glb", ".obj", ".latent"),
    )
)
_OTHER_FORMATS: Final = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"8BPS", "PSD"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF or AVIF"),
    (4, b"ftypqt", "QuickTime"),
    (4, b"ftyp", "MP4"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (8, b"AVI ", "AVI"),
    (0, b"FORM", "AIFF"),
    (0, b"RF64", "RF64 (a WAV file of more than 4 GiB)"),
    (0, b"\x30\x26\xb2\x75", "WMA"),
    (0, b"MThd", "MIDI"),
    (0, b"wvpk", "WavPack"),
)

_MPEG_SYNC = 0xE0
_MPEG_LAYER_MASK = 0x06
_MPEG_LAYER_3 = 0x02


def song_format(head: bytes) -> str | None:
    """The audio format that a file's first bytes announce, or None.

    "ogg" means any Ogg stream, including Opus.
    """
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    if head[4:8] == b"ftyp":
        return "m4a"
    return "mp3" if head.startswith(b"ID3") or _is_layer_3(head) else None


def other_format(head: bytes) -> str | None:
    """The name of a format that a file's first bytes announce and that is not accepted, or None."""
    names = (name for offset, magic, name in _OTHER_FORMATS if head[offset:].startswith(magic))
    return next(names, None)


def _is_layer_3(head: bytes) -> bool:
    """Whether the bytes begin like a frame of MPEG audio, layer III."""
    return (
        len(head) >= HEAD_BYTES
        and head[0] == 0xFF  # noqa: PLR2004 (eleven set bits are the format's mark)
        and head[1] & _MPEG_SYNC == _MPEG_SYNC
        and head[1] & _MPEG_LAYER_MASK == _MPEG_LAYER_3
    )


# ----------------------------------------------------------------------------------- parts of files

Part = tuple[int, int]
"""Where a part of a file begins and ends, in bytes from 0."""

TAGGED_FORMATS: Final = frozenset({"mp3", "flac"})
"""Formats of songs that may have tags before and behind the sound."""

_MAX_TAGS: Final = 64  # on either side
_ID3_HEAD = 10
_ID3_FOOTER_FLAG = 0x10
_ID3V1_LENGTH = 128
_ENHANCED_LENGTH = 227  # of "TAG+", before an ID3v1 tag
_APE_FOOTER = 32
_APE_HEADER_FLAG = 1 << 31
_LYRICS_2 = re.compile(rb"([0-9]{6})LYRICS200\Z")
_LYRICS_2_END = 15
_LYRICS_1_END = b"LYRICSEND"
_LYRICS_1_LENGTH = 5_100 + len(b"LYRICSBEGIN") + len(_LYRICS_1_END)


class FileParts(io.RawIOBase):
    """A file of which only some parts can be seen, one after the other.

    Args:
        file: open for reading and seekable; it stays open.
        parts: in the order of the file.
    """

    def __init__(self, file: BinaryIO, parts: Sequence[Part]) -> None:
        super().__init__()
        self._file = file
        self._parts = parts
        self._ends = list(accumulate(end - start for start, end in parts))
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, counted without what cannot be seen."""
        size = self._ends[-1] if self._ends else 0
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The position, counted without what cannot be seen."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read up to the end of a part."""
        for (_, end), seen in zip(self._parts, self._ends, strict=True):
            left = seen - self._position
            if left > 0:
                self._file.seek(end - left)
                data = self._file.read(min(left, len(buffer)))
                buffer[: len(data)] = data
                self._position += len(data)
                return len(data)
        return 0


# ------------------------------------------------------------------------------------------- songs


def tagged_song_format(file: BinaryIO) -> str | None:
    """The audio format that a file's first bytes announce, also behind ID3v2 tags; or None.

    Behind the tags it is "flac" or, as long as nothing else is known, "mp3".
    """
    head = _read_at(file, 0, HEAD_BYTES)
    if not head.startswith(b"ID3"):
        return song_format(head)
    behind = _read_at(file, _end_of_leading_tags(file), HEAD_BYTES)
    return "flac" if song_format(behind) == "flac" else "mp3"


def sound_part(file: BinaryIO) -> Part:
    """The part of an MP3 or FLAC file without the tags around it.

    Args:
        file: seekable.
    """
    size = file.seek(0, os.SEEK_END)
    start = _end_of_leading_tags(file)
    end = size
    for _ in range(_MAX_TAGS):
        length = _length_of_trailing_tag(file, end)
        if length == 0 or end - length < start:
            break
        end -= length
    return min(start, end), end


def _end_of_leading_tags(file: BinaryIO) -> int:
    start = 0
    for _ in range(_MAX_TAGS):
        head = _read_at(file, start, _ID3_HEAD)
        if len(head) < _ID3_HEAD or not head.startswith(b"ID3"):
            break
        footer = _ID3_HEAD if head[5] & _ID3_FOOTER_FLAG else 0
        start += _ID3_HEAD + _synchsafe(head[6:10]) + footer
    return start


def _length_of_trailing_tag(file: BinaryIO, end: int) -> int:
    """Bytes of the tag that ends at a position, or 0."""
    tail = _read_before(file, end, _ENHANCED_LENGTH + _ID3V1_LENGTH)
    if tail[-_ID3V1_LENGTH:].startswith(b"TAG") and len(tail) >= _ID3V1_LENGTH:
        return len(tail) if tail.startswith(b"TAG+") else _ID3V1_LENGTH
    if tail[-_ID3_HEAD:].startswith(b"3DI"):
        length = 2 * _ID3_HEAD + _synchsafe(tail[-4:])
        return length if _read_before(file, end, length).startswith(b"ID3") else 0
    if tail[-_APE_FOOTER:].startswith(b"APETAGEX") and len(tail) >= _APE_FOOTER:
        size, _, flags = struct.unpack("<III", tail[-20:-8])
        length = size + (_APE_FOOTER if flags & _APE_HEADER_FLAG else 0)
        return length if _APE_FOOTER <= length <= end else 0
    if lyrics := _LYRICS_2.search(tail):
        length = int(lyrics[1]) + _LYRICS_2_END
        return length if _read_before(file, end, length).startswith(b"LYRICSBEGIN") else 0
    if tail.endswith(_LYRICS_1_END):
        text = _read_before(file, end, min(end, _LYRICS_1_LENGTH))
        begin = text.rfind(b"LYRICSBEGIN")
        return len(text) - begin if begin >= 0 else 0
    return 0


def _synchsafe(digits: bytes) -> int:
    """A number of which each byte holds seven bits."""
    number = 0
    for byte in digits:
        number = number << 7 | byte & 0x7F
    return number


def _read_at(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)


def _read_before(file: BinaryIO, end: int, count: int) -> bytes:
    """The ``count`` bytes before a position, or as many as there are."""
    start = max(0, end - count)
    return _read_at(file, start, end - start)
