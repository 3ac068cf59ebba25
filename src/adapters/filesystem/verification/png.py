"""Structure of a PNG file, chunk by chunk (PNG specification, third edition, section 5)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import (
    InvalidMediaError,
    read_exactly,
    refuse_trailing_bytes,
)

if TYPE_CHECKING:
    from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNK = 2**31 - 1  # bytes
_HEADER_LENGTH = 13
_READ_BYTES = 1024 * 1024  # at a time


def verify_png(file: BinaryIO, size: int) -> tuple[int, int]:
    """Check signature, order and checksum of every chunk of a PNG file up to its end.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Returns:
        Width and height in pixels, as the header states them.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or continues after its end.
    """
    if read_exactly(file, len(_SIGNATURE), "its signature") != _SIGNATURE:
        raise InvalidMediaError.broken("has a damaged PNG signature.")
    kind, header = _read_chunk(file)
    if kind != b"IHDR" or len(header) != _HEADER_LENGTH:
        raise InvalidMediaError.broken("does not begin with a PNG header.")
    has_picture = False
    while kind != b"IEND":
        kind, _ = _read_chunk(file)
        has_picture = has_picture or kind == b"IDAT"
    if not has_picture:
        raise InvalidMediaError.broken("has no picture data.")
    refuse_trailing_bytes(file, size, "the end of the picture")
    width, height = struct.unpack(">II", header[:8])
    return width, height


def _read_chunk(file: BinaryIO) -> tuple[bytes, bytes]:
    """The type of the next chunk and the first part of its data (a header is never longer)."""
    length, kind = struct.unpack(">I4s", read_exactly(file, 8, "the head of a chunk"))
    if length > _MAX_CHUNK or not kind.isalpha():
        raise InvalidMediaError.broken("is damaged: the head of a chunk is invalid.")
    part = f"its {kind.decode('ascii')} chunk"
    checksum = zlib.crc32(kind)
    first_data = b""
    left = length
    while left:
        data = read_exactly(file, min(left, _READ_BYTES), part)
        first_data = first_data or data
        checksum = zlib.crc32(data, checksum)
        left -= len(data)
    if read_exactly(file, 4, part) != checksum.to_bytes(4, "big"):
        raise InvalidMediaError.broken(f"is damaged: the checksum of {part} is wrong.")
    return kind, first_data
