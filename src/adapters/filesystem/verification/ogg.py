"""Structure of an Ogg file, page by page (RFC 3533, section 6)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import InvalidMediaError, read_exactly

if TYPE_CHECKING:
    from typing import BinaryIO

_HEAD_LENGTH = 27
_CHECKSUM = slice(22, 26)
_FIRST_PAGE = 0x02
_LAST_PAGE = 0x04
# The first bytes of a stream, and the format that they stand for.
_CODECS = ((b"\x01vorbis", "ogg"), (b"\x7fFLAC", "ogg"), (b"OpusHead", "opus"))
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def verify_ogg(file: BinaryIO, size: int) -> str:
    """Check number and checksum of every page of an Ogg file up to the one marked as the last.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Returns:
        "opus", or "ogg" for Vorbis and FLAC.

    Raises:
        InvalidMediaError: the file is cut off or damaged, continues after its end, or contains
            anything but one stream of sound.
    """
    serial = None
    number = 0
    format_name = ""
    flags = 0
    while file.tell() < size:
        if flags & _LAST_PAGE:
            raise InvalidMediaError.refused("continues after its last page.")
        head, body = _read_page(file)
        flags = head[5]
        page_serial, page_number = struct.unpack("<II", head[14:22])
        if serial is None:
            serial = page_serial
            format_name = _format_name(flags, body)
        if page_serial != serial:
            raise InvalidMediaError.refused("contains more than one stream.")
        if page_number != number:
            raise InvalidMediaError.broken(f"is damaged: its page {number:,} is missing.")
        number = (number + 1) % 2**32
    if not flags & _LAST_PAGE:
        raise InvalidMediaError.broken("is cut off: its last page is missing.")
    return format_name


def _read_page(file: BinaryIO) -> tuple[bytes, bytes]:
    """Head and body of the next page."""
    head = read_exactly(file, _HEAD_LENGTH, "the head of a page")
    if not head.startswith(b"OggS\0"):
        raise InvalidMediaError.broken("is damaged: a page does not begin where it must.")
    lengths = read_exactly(file, head[26], "the head of a page")
    body = read_exactly(file, sum(lengths), "a page")
    blanked = head[: _CHECKSUM.start] + bytes(4) + head[_CHECKSUM.stop :]
    if _checksum(blanked + lengths + body) != int.from_bytes(head[_CHECKSUM], "little"):
        raise InvalidMediaError.broken("is damaged: the checksum of a page is wrong.")
    return head, body


def _checksum(page: bytes) -> int:
    """Ogg's own CRC: zlib's polynomial, the highest bit first, and neither end inverted.

    Reversing the bits of input and output turns the one into the other, a hundred times as
    fast as a loop over the bytes.
    """
    reflected = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_BITS_REVERSED), "big")


def _format_name(flags: int, body: bytes) -> str:
    """The format of the stream that begins with this page."""
    for beginning, format_name in _CODECS:
        if flags & _FIRST_PAGE and body.startswith(beginning):
            return format_name
    raise InvalidMediaError.refused("contains no Vorbis, Opus or FLAC stream.")
