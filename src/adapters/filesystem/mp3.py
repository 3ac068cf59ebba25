"""Whether an MP3 file is whole, frame by frame.

Sources: ISO/IEC 11172-3 section 2.4 (frames), id3.org (ID3v1, ID3v2.4 section 3), the APEv2
specification, and the headers of Xing and Fraunhofer encoders, which state the count of frames.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import skip, take
from adapters.filesystem.mp3_frames import declared_frames, read_frame_head
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

    from adapters.filesystem.mp3_frames import FrameHead

_ID3V1_LENGTH = 128
_ID3V2_HEAD = 10
_APE_FOOTER = 32
_HAS_FOOTER = 0x10
_HAS_HEADER = 1 << 31


def walk_mp3(file: BinaryIO, size: int) -> None:
    """Pass over every frame between the tags; they must fill the file to its last byte.

    A file whose encoder stated no count of frames can be cut between two frames without a
    trace: that alone goes unnoticed, and what is left is a valid, shorter song.

    Raises:
        UnfitError: the file is cut off or damaged, or has fewer frames than it states.
    """
    start = _after_leading_tags(file, size)
    end = _before_trailing_tags(file, size)
    file.seek(start)
    head = read_frame_head(take(file, 4, "its first frame"))
    file.seek(start)
    stated = declared_frames(file.read(head.length), head)
    file.seek(start)
    counted = _count_frames(file, head, end)
    # The frame that states the count holds no sound and is not counted in it.
    sounding = counted if stated is None else counted - 1
    if stated is not None and sounding < stated:
        raise UnfitError.broken(f"is cut off: {sounding:,} of its {stated:,} frames are there.")


def _count_frames(file: BinaryIO, first: FrameHead, end: int) -> int:
    """How many frames lie between here and the end, without a gap."""
    count = 0
    left = end - file.tell()
    while left > 0:
        head = read_frame_head(take(file, min(4, left), "a frame's head"))
        if head.stream != first.stream:
            raise UnfitError.broken(f"is damaged: its frame {count + 1:,} is of another sort.")
        left -= head.length
        if left < 0:
            raise UnfitError.broken("is cut off: it ends inside its last frame.")
        file.seek(head.length - 4, os.SEEK_CUR)
        count += 1
    return count


def _after_leading_tags(file: BinaryIO, size: int) -> int:
    """Where the sound begins."""
    while True:
        start = file.tell()
        head = file.read(_ID3V2_HEAD)
        if not head.startswith(b"ID3") or len(head) < _ID3V2_HEAD:
            file.seek(start)
            return start
        length = 0
        for byte in head[6:10]:  # seven bits in each
            length = length << 7 | byte & 0x7F
        footer = _ID3V2_HEAD if head[5] & _HAS_FOOTER else 0
        skip(file, length + footer, size, "its ID3 tag")


def _before_trailing_tags(file: BinaryIO, size: int) -> int:
    """Where the sound ends."""
    end = size
    if _read_before(file, end, _ID3V1_LENGTH).startswith(b"TAG"):
        end -= _ID3V1_LENGTH
    footer = _read_before(file, end, _APE_FOOTER)
    if footer.startswith(b"APETAGEX"):
        length, _, flags = struct.unpack("<III", footer[12:24])
        end -= length + (_APE_FOOTER if flags & _HAS_HEADER else 0)
    return max(end, 0)


def _read_before(file: BinaryIO, end: int, count: int) -> bytes:
    """The bytes that end there, or nothing when there are fewer."""
    if end < count:
        return b""
    file.seek(end - count)
    return file.read(count)
