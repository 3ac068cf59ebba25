"""Structure of a PNG file, chunk by chunk (PNG specification, third edition, section 5)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from zlib_ng import zlib_ng

from adapters.filesystem.verification.media import (
    InvalidMediaError,
    read_exactly,
    refuse_trailing_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNK = 2**31 - 1  # bytes
_HEADER_LENGTH = 13
_READ_BYTES = 64 * 1024  # at a time
_ROW_BYTES = 64 * 1024  # unpacked at a time
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type; a palette is for a decoder
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 4: (8, 16), 6: (8, 16)}  # bits, by colour type
_MAX_FILTER = 4
# An animation, and a header that contradicts the first, are for a decoder.
_UNUSUAL_CHUNKS = frozenset({b"IHDR", b"acTL", b"fcTL", b"fdAT"})


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
    header = kind = b""
    has_picture = False
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", read_exactly(file, 8, "the head of a chunk"))
        if length > _MAX_CHUNK or not kind.isalpha():
            raise InvalidMediaError.broken("is damaged: the head of a chunk is invalid.")
        if not header and (kind != b"IHDR" or length != _HEADER_LENGTH):
            raise InvalidMediaError.broken("does not begin with a PNG header.")
        part = f"its {kind.decode('ascii')} chunk"
        checksum = zlib_ng.crc32(kind)
        while length:
            data = read_exactly(file, min(length, _READ_BYTES), part)
            header = header or data
            checksum = zlib_ng.crc32(data, checksum)
            length -= len(data)
        if read_exactly(file, 4, part) != checksum.to_bytes(4, "big"):
            raise InvalidMediaError.broken(f"is damaged: the checksum of {part} is wrong.")
        has_picture = has_picture or kind == b"IDAT"
    if not has_picture:
        raise InvalidMediaError.broken("has no picture data.")
    refuse_trailing_bytes(file, size, "the end of the picture")
    width, height = struct.unpack(">II", header[:8])
    return width, height


def has_all_rows(file: BinaryIO) -> bool:
    """Whether the picture data of a PNG file are exactly the rows that its header promises.

    They are unpacked to the last byte and their checksum, and each row begins with a filter that
    exists; then any decoder can make pixels of it, which takes two to four times as long. Only
    ordinary pictures are examined: not interlaced, no palette, no animation.

    Args:
        file: a file that `verify_png` accepted; its size must have been checked, because that many
            bytes are unpacked. A piece at a time is in memory.

    Returns:
        False if the file is damaged or unusual: a decoder must decide.
    """
    file.seek(len(_SIGNATURE) + 8)
    width, height, depth, colour, *methods = struct.unpack(">IIBBBBB", file.read(_HEADER_LENGTH))
    if any(methods) or depth not in _DEPTHS.get(colour, ()):
        return False
    row_length = 1 + (width * _CHANNELS[colour] * depth + 7) // 8  # the first byte is the filter
    missing = row_length * height
    unpacker = zlib_ng.decompressobj()
    try:
        for data in _picture_data(file):
            if unpacker.eof:
                return False
            rows = unpacker.decompress(data, _ROW_BYTES)
            while rows:
                first_filter = missing % row_length  # as many bytes are missing of a row
                missing -= len(rows)
                if missing < 0 or max(rows[first_filter::row_length], default=0) > _MAX_FILTER:
                    return False
                rows = unpacker.decompress(unpacker.unconsumed_tail, _ROW_BYTES)
    except (zlib_ng.error, _UnusualError):  # type: ignore[misc] # the stub: an instance
        return False
    return missing == 0 and unpacker.eof and not unpacker.unused_data


class _UnusualError(Exception):
    """A chunk that a decoder has to look at."""


def _picture_data(file: BinaryIO) -> Iterator[bytes]:
    """The picture data of a PNG file, in pieces; raises _UnusualError for an unusual file.

    Args:
        file: at the end of the header's data.
    """
    kind = b""
    while kind != b"IEND":
        file.seek(4, os.SEEK_CUR)  # the checksum of the chunk before
        last_kind = kind
        length, kind = struct.unpack(">I4s", file.read(8))
        # A chunk behind the picture data may be one that a decoder refuses.
        if kind in _UNUSUAL_CHUNKS or (last_kind == b"IDAT" and kind not in {b"IDAT", b"IEND"}):
            raise _UnusualError
        if kind != b"IDAT":
            file.seek(length, os.SEEK_CUR)
            continue
        while length:
            data = file.read(min(length, _READ_BYTES))
            length -= len(data)
            yield data
