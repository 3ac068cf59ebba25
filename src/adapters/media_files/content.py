"""What a file is, by its first bytes; its name is never asked."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from adapters.media_formats import picture_format, song_format

HEAD_BYTES: Final = 512  # the first page of an Ogg stream has fewer before its codec's name
PICTURES: Final = frozenset({"png", "jpeg", "webp"})
SONGS: Final = frozenset({"mp3", "wav", "flac", "ogg", "opus", "m4a"})
ANYTHING: Final = "application/octet-stream"

_TYPES = MappingProxyType(
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
    }
)
# Pictures (AVIF, HEIC) are kin of MPEG-4 files too; these are the kin that may hold sound.
_MPEG_4_BRANDS = (b"M4A", b"M4B", b"isom", b"iso", b"mp41", b"mp42", b"dash")
_OGG_PAGE_HEAD = 27  # bytes; the last one says how many lengths follow (RFC 3533, section 6)


def format_of(head: bytes) -> str | None:
    """The format that a file with these first bytes claims: of PICTURES or SONGS, or None."""
    found = picture_format(head) or song_format(head)
    if found == "m4a" and not head[8:12].startswith(_MPEG_4_BRANDS):
        return None
    if found == "ogg" and len(head) >= _OGG_PAGE_HEAD:
        body = _OGG_PAGE_HEAD + head[_OGG_PAGE_HEAD - 1]
        return "opus" if head[body:].startswith(b"OpusHead") else "ogg"
    return found


def content_type(format_name: str | None) -> str:
    """The media type that browsers are told."""
    return ANYTHING if format_name is None else _TYPES[format_name]
