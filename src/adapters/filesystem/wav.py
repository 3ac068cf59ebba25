"""Whether a WAV file is whole, chunk by chunk (RIFF, Microsoft's Multimedia Programming)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import refuse_rest, skip, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_FORMAT_LENGTH = 16


def walk_wav(file: BinaryIO, size: int) -> int:
    """Check that the chunks fill the file exactly.

    A file written into a pipe states lengths that were never set right; whether such a file
    is whole cannot be told, so it counts as cut off.

    Returns:
        Samples of each channel, as the lengths promise them.

    Raises:
        UnfitError: the file is cut off, damaged, or goes on behind its end.
    """
    magic, length, form = struct.unpack("<4sI4s", take(file, 12, "its header"))
    if magic != b"RIFF" or form != b"WAVE":
        raise UnfitError.broken("does not begin like a WAV file.")
    end = 8 + length
    if end > size:
        raise UnfitError.broken(f"is cut off: {end - size:,} bytes are missing at its end.")
    frame_length = 0
    sound_length = None
    while file.tell() < end:
        kind, chunk_length = struct.unpack("<4sI", take(file, 8, "a chunk's head"))
        head = file.read(min(_FORMAT_LENGTH, chunk_length))
        if kind == b"fmt " and len(head) == _FORMAT_LENGTH:
            (frame_length,) = struct.unpack("<H", head[12:14])
        elif kind == b"data":
            sound_length = chunk_length
        # Some writers leave out the byte that evens the last chunk.
        padding = chunk_length % 2 if file.tell() + chunk_length - len(head) < end else 0
        skip(file, chunk_length - len(head) + padding, end, "a chunk")
    refuse_rest(file, size, "the sound's end")
    return _frames(sound_length, frame_length)


def _frames(sound_length: int | None, frame_length: int) -> int:
    """How many frames of that many bytes the sound holds."""
    if sound_length is None or frame_length == 0:
        raise UnfitError.broken("holds no sound, or does not say in which form.")
    if sound_length % frame_length:
        raise UnfitError.broken("is cut off: it ends inside a sample.")
    return sound_length // frame_length
