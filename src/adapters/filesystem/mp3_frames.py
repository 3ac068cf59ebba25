"""The head of an MPEG audio frame, layer III (ISO/IEC 11172-3 and 13818-3, section 2.4.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.filesystem.unfit import UnfitError

# Kilobits per second, by the four bits that stand for them; 0 means "free", 15 is forbidden.
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_1 = (44_100, 48_000, 32_000)
# By the two bits of the version: MPEG 2.5, reserved, MPEG 2, MPEG 1.
_RATE_DIVISORS = (4, 0, 2, 1)
_MPEG_1 = 3
_LAYER_3 = 1
_MONO = 3
_VBRI_OFFSET = 36  # fixed, whatever the side information's length
_HAS_FRAME_COUNT = 1


@dataclass(frozen=True, slots=True)
class FrameHead:
    """What four bytes say of a frame.

    Attributes:
        length: in bytes, with the head.
        stream: version and sample rate, which all frames of one file share.
        side_length: bytes of side information behind the head.
    """

    length: int
    stream: tuple[int, int]
    side_length: int


def read_frame_head(head: bytes) -> FrameHead:
    """Read four bytes.

    Raises:
        UnfitError: they are not the head of a frame.
    """
    bits = int.from_bytes(head, "big")
    version = bits >> 19 & 3
    bitrate_index = bits >> 12 & 15
    rate_index = bits >> 10 & 3
    is_head = (
        len(head) == 4  # noqa: PLR2004
        and bits >> 21 == 0x7FF  # noqa: PLR2004 (eleven set bits are the format's mark)
        and bits >> 17 & 3 == _LAYER_3
        and _RATE_DIVISORS[version]
        and 0 < bitrate_index < len(_BITRATES_1)
        and rate_index < len(_RATES_1)
    )
    if not is_head:
        raise UnfitError.broken("is cut off or damaged: there is no MP3 frame where one must be.")
    rate = _RATES_1[rate_index] // _RATE_DIVISORS[version]
    bitrate = (_BITRATES_1 if version == _MPEG_1 else _BITRATES_2)[bitrate_index]
    length = (144_000 if version == _MPEG_1 else 72_000) * bitrate // rate + (bits >> 9 & 1)
    mono = bits >> 6 & 3 == _MONO
    side_length = (17 if mono else 32) if version == _MPEG_1 else (9 if mono else 17)
    return FrameHead(length, (version, rate), side_length)


def declared_frames(frame: bytes, head: FrameHead) -> int | None:
    """How many frames of sound follow, as a file's first frame states it; None if it doesn't.

    Encoders of the Xing and LAME family write "Xing" or "Info" behind the side information,
    Fraunhofer's write "VBRI".
    """
    for checksum_length in (0, 2):
        offset = 4 + checksum_length + head.side_length
        flags = int.from_bytes(frame[offset + 4 : offset + 8], "big")
        if frame[offset : offset + 4] in {b"Xing", b"Info"}:
            has_count = flags & _HAS_FRAME_COUNT
            return int.from_bytes(frame[offset + 8 : offset + 12], "big") if has_count else None
    if frame[_VBRI_OFFSET : _VBRI_OFFSET + 4] == b"VBRI":
        return int.from_bytes(frame[_VBRI_OFFSET + 14 : _VBRI_OFFSET + 18], "big")
    return None
