"""Structure of a WebP file, chunk by chunk (RFC 9649, section 2)."""

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

_CHUNK_HEAD = 16  # bytes of a chunk's data, enough to find the size of the picture in them
_FOURTEEN_BITS = 0x3FFF


def verify_webp(file: BinaryIO, size: int) -> tuple[int, int]:
    """Check that the chunks of a WebP file fill it exactly.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Returns:
        Width and height in pixels, of the canvas if there is one.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or continues after its end.
    """
    magic, length, form = struct.unpack("<4sI4s", read_exactly(file, 12, "its header"))
    if magic != b"RIFF" or form != b"WEBP":
        raise InvalidMediaError.broken("does not begin like a WebP file.")
    end = 8 + length
    if end > size:
        raise InvalidMediaError.broken(f"is cut off: {end - size:,} bytes are missing at its end.")
    dimensions = None
    while file.tell() < end:
        fourcc, chunk_length = struct.unpack("<4sI", read_exactly(file, 8, "the head of a chunk"))
        data = file.read(min(_CHUNK_HEAD, chunk_length))
        dimensions = dimensions or _dimensions(fourcc, data)
        skip(file, chunk_length - len(data) + chunk_length % 2, end, "a chunk")
    if dimensions is None:
        raise InvalidMediaError.broken("has no picture data.")
    refuse_trailing_bytes(file, size, "the end of the picture")
    return dimensions


def _dimensions(fourcc: bytes, data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, if a chunk of this type states them."""
    if fourcc == b"VP8X" and len(data) >= 10:  # noqa: PLR2004 (the chunk's own length)
        return _little(data[4:7]) + 1, _little(data[7:10]) + 1
    if fourcc == b"VP8L" and len(data) >= 5 and data[0] == 0x2F:  # noqa: PLR2004 (signature)
        bits = _little(data[1:5])
        return (bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1
    if fourcc == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) >= 10:  # noqa: PLR2004
        return _little(data[6:8]) & _FOURTEEN_BITS, _little(data[8:10]) & _FOURTEEN_BITS
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
