"""Whether a JPEG file is whole, marker by marker (ITU-T T.81, annex B)."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import skip, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE = 1024 * 1024
_MARK = 0xFF
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
# Start of frame, in all its coding processes: C0 to CF but for C4, C8 and CC.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within coded data FF 00 stands for FF, and FF D0 to FF D7 restart the decoder.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def walk_jpeg(file: BinaryIO, size: int) -> tuple[int, int]:
    """Pass over every segment and scan up to the end marker and the end of the file.

    Zeros behind the end marker are let through: some writers fill up their last block, the
    picture is complete without them, and they can do no harm.

    Returns:
        Width and height in pixels, as the frame header promises them.

    Raises:
        UnfitError: the file is cut off, damaged, or goes on behind its end.
    """
    dimensions = None
    if _next_marker(file) != _START_OF_IMAGE:
        raise UnfitError.broken("does not begin like a JPEG file.")
    while (marker := _next_marker(file)) != _END_OF_IMAGE:
        (length,) = struct.unpack(">H", take(file, 2, "a segment's head"))
        if length < 2:  # noqa: PLR2004 (a length counts its own two bytes)
            raise UnfitError.broken("is damaged: a segment has an impossible length.")
        if marker in _START_OF_FRAME:
            _, height, width = struct.unpack(">BHH", take(file, 5, "the frame header"))
            dimensions = (width, height)
            length -= 5
        skip(file, length - 2, size, "a segment")
        if marker == _START_OF_SCAN:
            _pass_coded_data(file)
    if dimensions is None:
        raise UnfitError.broken("holds no picture.")
    _refuse_all_but_zeros(file)
    return dimensions


def _next_marker(file: BinaryIO) -> int:
    """The code of the marker that must come now; any number of FF may fill up before it."""
    if take(file, 1, "its picture data")[0] != _MARK:
        raise UnfitError.broken("is damaged: there is no marker where one must be.")
    code = _MARK
    while code == _MARK:
        code = take(file, 1, "a marker")[0]
    return code


def _pass_coded_data(file: BinaryIO) -> None:
    """Move to the marker that ends a scan."""
    while True:
        start = file.tell()
        piece = file.read(_PIECE)
        found = _MARKER.search(piece)
        if found:
            file.seek(start + found.start())
            return
        if len(piece) < 2:  # noqa: PLR2004 (a marker's length)
            raise UnfitError.broken("is cut off: it ends inside its picture data.")
        if piece[-1] == _MARK:
            file.seek(-1, os.SEEK_CUR)


def _refuse_all_but_zeros(file: BinaryIO) -> None:
    while piece := file.read(_PIECE):
        if piece.count(0) != len(piece):
            raise UnfitError.refused("holds something else behind the picture's end.")
