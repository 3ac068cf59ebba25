"""Structure of a WAV file, chunk by chunk (RIFF, Microsoft's Multimedia Programming)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import (
    InvalidMediaError,
    read_exactly,
    refuse_trailing_bytes,
    skip,
)

if TYPE_CHECKING:
    from typing import BinaryIO

_FORMAT_LENGTH = 16
# What writers put in place of a length that they do not know and cannot go back to correct: FFmpeg
# 0xFFFFFFFF, SoX 0x7FFFF000, LAME 0x7FFFFFFF, and the same with the header added.
_MIN_PLACEHOLDER = 0x7FFF_0000


def verify_wav(file: BinaryIO, size: int) -> int:
    """Check that the chunks of a WAV file fill it exactly.

    A file that was written to a pipe has placeholder lengths; then its sound extends to the end of
    the file. If it was cut off between two samples, nothing shows it.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Returns:
        Samples of each channel, as the lengths state them.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or continues after its end.
    """
    magic, length, form = struct.unpack("<4sI4s", read_exactly(file, 12, "its header"))
    if magic != b"RIFF" or form != b"WAVE":
        raise InvalidMediaError.broken("does not begin like a WAV file.")
    end = size if length >= _MIN_PLACEHOLDER else 8 + length
    if end > size:
        raise InvalidMediaError.broken(f"is cut off: {end - size:,} bytes are missing at its end.")
    frame_length = 0
    sound_length: int | None = None
    while file.tell() < end:
        kind, chunk_length = struct.unpack("<4sI", read_exactly(file, 8, "the head of a chunk"))
        if kind == b"data" and chunk_length >= _MIN_PLACEHOLDER:
            chunk_length = end - file.tell()
        head = file.read(min(_FORMAT_LENGTH, chunk_length))
        if kind == b"fmt " and len(head) == _FORMAT_LENGTH:
            (frame_length,) = struct.unpack("<H", head[12:14])
        elif kind == b"data":
            sound_length = chunk_length
        # Some writers leave out the byte that evens the last chunk.
        padding = chunk_length % 2 if file.tell() + chunk_length - len(head) < end else 0
        skip(file, chunk_length - len(head) + padding, end, "a chunk")
    refuse_trailing_bytes(file, size, "the end of the sound")
    if sound_length is None or frame_length == 0:
        raise InvalidMediaError.broken("has no sound, or does not state the format of it.")
    if sound_length % frame_length:
        raise InvalidMediaError.broken("is cut off: it ends inside a sample.")
    return sound_length // frame_length
