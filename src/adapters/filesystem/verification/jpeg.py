"""Structure of a JPEG file, marker by marker (ITU-T T.81, annex B)."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import InvalidMediaError, read_exactly, skip

if TYPE_CHECKING:
    from typing import BinaryIO

_READ_BYTES = 1024 * 1024  # at a time
_MARK = 0xFF
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
# Start of frame, in all its coding processes: C0 to CF but for C4, C8 and CC.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within coded data FF 00 stands for FF, and FF D0 to FF D7 restart the decoder.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def verify_jpeg(file: BinaryIO, size: int) -> tuple[int, int]:
    """Check every segment and scan of a JPEG file up to the end marker and the end of the file.

    Zeros after the end marker are accepted: some writers pad their last block, the picture is
    complete without them, and they are harmless.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Returns:
        Width and height in pixels, as the frame header states them.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or continues after its end.
    """
    dimensions = None
    if _next_marker(file) != _START_OF_IMAGE:
        raise InvalidMediaError.broken("does not begin like a JPEG file.")
    while (marker := _next_marker(file)) != _END_OF_IMAGE:
        (length,) = struct.unpack(">H", read_exactly(file, 2, "the head of a segment"))
        if length < 2:  # noqa: PLR2004 (a length counts its own two bytes)
            raise InvalidMediaError.broken("is damaged: the length of a segment is invalid.")
        if marker in _START_OF_FRAME:
            _, height, width = struct.unpack(">BHH", read_exactly(file, 5, "the frame header"))
            dimensions = (width, height)
            length -= 5
        skip(file, length - 2, size, "a segment")
        if marker == _START_OF_SCAN:
            _skip_coded_data(file)
    if dimensions is None:
        raise InvalidMediaError.broken("has no picture data.")
    while data := file.read(_READ_BYTES):
        if data.count(0) != len(data):
            raise InvalidMediaError.refused("has something else after the end of the picture.")
    return dimensions


def _next_marker(file: BinaryIO) -> int:
    """The code of the marker at this position; any number of FF may precede it."""
    if read_exactly(file, 1, "its picture data")[0] != _MARK:
        raise InvalidMediaError.broken("is damaged: a marker is missing.")
    code = _MARK
    while code == _MARK:
        code = read_exactly(file, 1, "a marker")[0]
    return code


def _skip_coded_data(file: BinaryIO) -> None:
    """Move to the marker that ends a scan."""
    while True:
        start = file.tell()
        data = file.read(_READ_BYTES)
        marker = _MARKER.search(data)
        if marker:
            file.seek(start + marker.start())
            return
        if len(data) < 2:  # noqa: PLR2004 (a marker's length)
            raise InvalidMediaError.broken("is cut off: it ends inside its picture data.")
        if data[-1] == _MARK:
            file.seek(-1, os.SEEK_CUR)
