"""Structure of an MP3 file, frame by frame.

Sources: ISO/IEC 11172-3 and 13818-3 section 2.4 (frames), and the headers of Xing and Fraunhofer
encoders, which state the number of frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import InvalidMediaError, read_exactly

if TYPE_CHECKING:
    from typing import BinaryIO

# Kilobits per second, by the four bits that stand for them; 0 means "free", 15 is forbidden.
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_1 = (44_100, 48_000, 32_000)
# By the two bits of the version: MPEG 2.5, reserved, MPEG 2, MPEG 1.
_RATE_DIVISORS = (4, 0, 2, 1)
_MPEG_1 = 3
_LAYER_3 = 1
_MONO = 3
_VBRI_OFFSET = 36  # fixed, whatever the length of the side information
_HAS_FRAME_COUNT = 1


@dataclass(frozen=True, slots=True)
class _FrameHead:
    """What the four bytes of a frame head state.

    Attributes:
        length: bytes in the frame, head included.
        stream: version and sample rate, which all frames of one file share.
        side_length: bytes of side information after the head.
    """

    length: int
    stream: tuple[int, int]
    side_length: int


def verify_mp3(file: BinaryIO, start: int, end: int) -> None:
    """Check every frame of an MP3 file; they must fill the part between the tags.

    A file whose encoder stated no number of frames can be cut between two frames without a
    trace: that alone goes unnoticed, and what is left is a valid, shorter song.

    Args:
        file: seekable.
        start: offset of the first frame.
        end: offset of the byte after the last frame.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or has fewer frames than it states.
    """
    file.seek(start)
    head = _read_frame_head(read_exactly(file, 4, "its first frame"))
    file.seek(start)
    stated = _stated_frames(file.read(head.length), head)
    file.seek(start)
    counted = _count_frames(file, head, end)
    # The frame that states the number has no sound and is not included in it.
    sounding = counted if stated is None else counted - 1
    if stated is not None and sounding < stated:
        raise InvalidMediaError.broken(
            f"is cut off: {sounding:,} of its {stated:,} frames are there."
        )


def _count_frames(file: BinaryIO, first: _FrameHead, end: int) -> int:
    """How many frames there are from this position to ``end``, without a gap."""
    count = 0
    left = end - file.tell()
    while left > 0:
        head = _read_frame_head(read_exactly(file, min(4, left), "a frame's head"))
        if head.stream != first.stream:
            raise InvalidMediaError.broken(
                f"is damaged: its frame {count + 1:,} has another version or sample rate."
            )
        left -= head.length
        if left < 0:
            raise InvalidMediaError.broken("is cut off: it ends inside its last frame.")
        file.seek(head.length - 4, os.SEEK_CUR)
        count += 1
    return count


def _read_frame_head(head: bytes) -> _FrameHead:
    """Decode a frame head of layer III, or raise InvalidMediaError."""
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
        raise InvalidMediaError.broken(
            "is cut off or damaged: an MP3 frame does not begin where it must."
        )
    rate = _RATES_1[rate_index] // _RATE_DIVISORS[version]
    bitrate = (_BITRATES_1 if version == _MPEG_1 else _BITRATES_2)[bitrate_index]
    length = (144_000 if version == _MPEG_1 else 72_000) * bitrate // rate + (bits >> 9 & 1)
    mono = bits >> 6 & 3 == _MONO
    side_length = (17 if mono else 32) if version == _MPEG_1 else (9 if mono else 17)
    return _FrameHead(length, (version, rate), side_length)


def _stated_frames(frame: bytes, head: _FrameHead) -> int | None:
    """Number of frames of sound that follow, if the first frame states it.

    Encoders of the Xing and LAME family write "Xing" or "Info" after the side information,
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
