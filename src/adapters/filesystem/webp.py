"""Whether a WebP file is whole, chunk by chunk (RFC 9649, section 2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import refuse_rest, skip, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_HEAD = 16  # bytes of a chunk that are enough to tell the size of the picture
_FOURTEEN_BITS = 0x3FFF


def walk_webp(file: BinaryIO, size: int) -> tuple[int, int]:
    """Check that the chunks fill the file exactly.

    Returns:
        Width and height in pixels, of the canvas when there is one.

    Raises:
        UnfitError: the file is cut off, damaged, or goes on behind its end.
    """
    magic, length, form = struct.unpack("<4sI4s", take(file, 12, "its header"))
    if magic != b"RIFF" or form != b"WEBP":
        raise UnfitError.broken("does not begin like a WebP file.")
    end = 8 + length
    if end > size:
        raise UnfitError.broken(f"is cut off: {end - size:,} bytes are missing at its end.")
    dimensions = None
    while file.tell() < end:
        fourcc, chunk_length = struct.unpack("<4sI", take(file, 8, "a chunk's head"))
        head = file.read(min(_HEAD, chunk_length))
        dimensions = dimensions or _dimensions(fourcc, head)
        skip(file, chunk_length - len(head) + chunk_length % 2, end, "a chunk")
    if dimensions is None:
        raise UnfitError.broken("holds no picture.")
    refuse_rest(file, size, "the picture's end")
    return dimensions


def _dimensions(fourcc: bytes, head: bytes) -> tuple[int, int] | None:
    """Width and height, if this is a chunk that tells them."""
    if fourcc == b"VP8X" and len(head) >= 10:  # noqa: PLR2004 (the chunk's own length)
        return _little(head[4:7]) + 1, _little(head[7:10]) + 1
    if fourcc == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:  # noqa: PLR2004 (signature)
        bits = _little(head[1:5])
        return (bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1
    if fourcc == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) >= 10:  # noqa: PLR2004
        return _little(head[6:8]) & _FOURTEEN_BITS, _little(head[8:10]) & _FOURTEEN_BITS
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
