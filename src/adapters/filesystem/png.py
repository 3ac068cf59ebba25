"""Whether a PNG file is whole, chunk by chunk (PNG specification, third edition, section 5)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import refuse_rest, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_CHUNK = 2**31 - 1
_HEADER_LENGTH = 13
_PIECE = 1024 * 1024


def walk_png(file: BinaryIO, size: int) -> tuple[int, int]:
    """Check signature, order and checksum of every chunk up to the end of the file.

    Returns:
        Width and height in pixels, as the header promises them.

    Raises:
        UnfitError: the file is cut off, damaged, or goes on behind its end.
    """
    if take(file, len(_SIGNATURE), "its signature") != _SIGNATURE:
        raise UnfitError.broken("has a damaged PNG signature.")
    kind, header = _read_chunk(file)
    if kind != b"IHDR" or len(header) != _HEADER_LENGTH:
        raise UnfitError.broken("does not begin with a PNG header.")
    has_picture = False
    while kind != b"IEND":
        kind, _ = _read_chunk(file)
        has_picture = has_picture or kind == b"IDAT"
    if not has_picture:
        raise UnfitError.broken("holds no picture data.")
    refuse_rest(file, size, "the picture's end")
    width, height = struct.unpack(">II", header[:8])
    return width, height


def _read_chunk(file: BinaryIO) -> tuple[bytes, bytes]:
    """The next chunk's kind, and its data's first piece (a header is never longer)."""
    length, kind = struct.unpack(">I4s", take(file, 8, "a chunk's head"))
    if length > _LONGEST_CHUNK or not kind.isalpha():
        raise UnfitError.broken("is damaged: a chunk has an impossible head.")
    where = f"its {kind.decode('ascii')} chunk"
    checksum = zlib.crc32(kind)
    first = b""
    left = length
    while left:
        piece = take(file, min(left, _PIECE), where)
        first = first or piece
        checksum = zlib.crc32(piece, checksum)
        left -= len(piece)
    if take(file, 4, where) != checksum.to_bytes(4, "big"):
        raise UnfitError.broken(f"is damaged: the checksum of {where} is wrong.")
    return kind, first
