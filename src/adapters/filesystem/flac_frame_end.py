"""Whether a FLAC file ends where its last frame ends (RFC 9639, section 9.3)."""

from __future__ import annotations

# The longest block of 65,535 samples, in 8 channels of 32 bits, and some for heads.
_LONGEST_FRAME = 65_535 * 8 * 4 + 4096
_POLYNOMIAL = 0x8005
_TOP_BIT = 0x8000
_WORD = 0xFFFF


def ends_with_frame(packet: bytes) -> bool:
    """Whether a packet is one whole frame: its checksum is then its last two bytes.

    FFmpeg hands out the last frame together with all that stands behind it in the file.
    """
    if not packet or len(packet) > _LONGEST_FRAME:
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
