"""The media formats that are accepted, and the names their files may have."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from typing import BinaryIO

HEAD_BYTES = 12

# Suffixes that make a file a candidate; what it truly is, its content says (contract, section 3).
SUFFIXES = MappingProxyType(
    {
        Kind.IMAGE: frozenset({".png", ".jpg", ".jpeg", ".webp"}),
        Kind.AUDIO: frozenset({".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a"}),
    }
)

# The suffixes that a published file of a format may have; the first is given to all others.
_PUBLISHED_SUFFIXES = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "mp3": (".mp3",),
    "wav": (".wav",),
    "flac": (".flac",),
    "ogg": (".ogg",),
    "opus": (".opus", ".ogg"),
    "m4a": (".m4a",),
}

_MPEG_SYNC = 0xE0
_MPEG_LAYER_MASK = 0x06
_MPEG_LAYER_3 = 0x02


def published_suffix(format_name: str, suffix: str) -> str:
    """The suffix for a file of that format which the workflow gave that suffix."""
    allowed = _PUBLISHED_SUFFIXES[format_name]
    lowered = suffix.lower()
    return lowered if lowered in allowed else allowed[0]


def sniff(file: BinaryIO, kind: Kind) -> str | None:
    """What a file of a kind claims to be by its first bytes, or None.

    "ogg" stands for every Ogg stream here, Opus included. The file is left at its beginning.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return _picture_format(head) if kind is Kind.IMAGE else _song_format(head)


def _picture_format(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def _song_format(head: bytes) -> str | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    if head[4:8] == b"ftyp":
        return "m4a"
    return "mp3" if head.startswith(b"ID3") or _is_layer_3(head) else None


def _is_layer_3(head: bytes) -> bool:
    """Whether the bytes begin like a frame of MPEG audio, layer III."""
    return (
        len(head) == HEAD_BYTES
        and head[0] == 0xFF  # noqa: PLR2004 (eleven set bits are the format's mark)
        and head[1] & _MPEG_SYNC == _MPEG_SYNC
        and head[1] & _MPEG_LAYER_MASK == _MPEG_LAYER_3
    )
