"""What the accepted media formats look like from outside, for every adapter that reads media."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

HEAD_BYTES: Final = 12

# FFmpeg's name for each container, and the beginnings of its names for what may be inside.
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

_MPEG_SYNC = 0xE0
_MPEG_LAYER_MASK = 0x06
_MPEG_LAYER_3 = 0x02


def picture_format(head: bytes) -> str | None:
    """What a file with these first bytes claims to be, if that is a picture."""
    if head.startswith(b"\x89PNG"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def song_format(head: bytes) -> str | None:
    """What a file with these first bytes claims to be, if that is a song.

    "ogg" stands for every Ogg stream here, Opus included.
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


def _is_layer_3(head: bytes) -> bool:
    """Whether the bytes begin like a frame of MPEG audio, layer III."""
    return (
        len(head) >= HEAD_BYTES
        and head[0] == 0xFF  # noqa: PLR2004 (eleven set bits are the format's mark)
        and head[1] & _MPEG_SYNC == _MPEG_SYNC
        and head[1] & _MPEG_LAYER_MASK == _MPEG_LAYER_3
    )
