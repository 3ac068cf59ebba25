"""Structure of a FLAC file: stream information and the last frame (RFC 9639, sections 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import InvalidMediaError, read_exactly, skip

if TYPE_CHECKING:
    from typing import BinaryIO

_STREAMINFO_LENGTH = 34
_LAST_BLOCK = 0x80
_NO_DIGEST = bytes(16)
# The largest block of 65,535 samples, in 8 channels of 32 bits, and some bytes for heads.
_MAX_FRAME_BYTES = 65_535 * 8 * 4 + 4096
_POLYNOMIAL = 0x8005
_TOP_BIT = 0x8000
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a FLAC file states about its sound, to be compared with what is decoded.

    Attributes:
        samples: number of samples in each channel.
        bits: bits of one sample.
        md5: digest of the decoded samples, or None where the encoder left it out.
    """

    samples: int
    bits: int
    md5: bytes | None


def read_stream_info(file: BinaryIO, end: int) -> StreamInfo:
    """Read the metadata of a FLAC file up to the first frame of sound.

    Args:
        file: where FLAC begins, behind any ID3v2 tag.
        end: offset of the byte after the last frame.

    Raises:
        InvalidMediaError: the file is cut off, or its encoder never finished it: the number of
            samples is written last.
    """
    if read_exactly(file, 4, "its header") != b"fLaC":
        raise InvalidMediaError.broken("does not begin like a FLAC file.")
    head = read_exactly(file, 4, "its header")
    if head[0] & ~_LAST_BLOCK or int.from_bytes(head[1:], "big") != _STREAMINFO_LENGTH:
        raise InvalidMediaError.broken("has no FLAC stream information.")
    info = read_exactly(file, _STREAMINFO_LENGTH, "its header")
    while not head[0] & _LAST_BLOCK:
        head = read_exactly(file, 4, "its metadata")
        skip(file, int.from_bytes(head[1:], "big"), end, "its metadata")
    packed = int.from_bytes(info[10:18], "big")
    samples = packed & (1 << 36) - 1
    if samples == 0:
        raise InvalidMediaError.broken("does not state its length: its encoder never finished it.")
    md5 = info[18:34]
    return StreamInfo(samples, (packed >> 36 & 31) + 1, None if md5 == _NO_DIGEST else md5)


def ends_with_frame(packet: bytes) -> bool:
    """Whether a packet is exactly one FLAC frame, whose checksum is its last two bytes.

    FFmpeg returns the last frame together with everything that follows it in the file.
    """
    if not packet or len(packet) > _MAX_FRAME_BYTES:
        return False
    table = [_remainder(byte) for byte in range(256)]
    checksum = 0
    for byte in packet:
        checksum = (checksum << 8 & _WORD) ^ table[checksum >> 8 ^ byte]
    return checksum == 0


def _remainder(byte: int) -> int:
    """The checksum of one byte: CRC-16, the highest bit first, beginning with 0."""
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ _POLYNOMIAL if value & _TOP_BIT else value << 1) & _WORD
    return value
