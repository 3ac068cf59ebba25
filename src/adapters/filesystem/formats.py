"""The media formats that are accepted, and the names their files may have."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.media_formats import HEAD_BYTES, picture_format, song_format
from domain.kind import Kind

if TYPE_CHECKING:
    from typing import BinaryIO

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
    return picture_format(head) if kind is Kind.IMAGE else song_format(head)
