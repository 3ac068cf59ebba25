"""Whether an M4A file is whole, box by box (ISO/IEC 14496-12, section 4.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import skip, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_LONG_SIZE = 1
_NEEDED = frozenset({b"ftyp", b"moov", b"mdat"})


def walk_m4a(file: BinaryIO, size: int) -> None:
    """Check that the boxes of the uppermost level fill the file exactly.

    A file in fragments, or one whose last box is open-ended, could be cut without a trace and
    is refused.

    Raises:
        UnfitError: the file is cut off, damaged, or lacks a part.
    """
    kinds: set[bytes] = set()
    while file.tell() < size:
        length, kind = struct.unpack(">I4s", take(file, 8, "a box's head"))
        read = 8
        if length == _LONG_SIZE:
            (length,) = struct.unpack(">Q", take(file, 8, "a box's head"))
            read = 16
        if kind == b"moof" or length == 0:
            raise UnfitError.refused("is a stream of fragments, of which none can be missed.")
        if length < read:
            raise UnfitError.broken("is damaged: a box has an impossible length.")
        skip(file, min(length, size + 1) - read, size, f"its {kind.decode('latin-1')!r} box")
        kinds.add(kind)
    missing = _NEEDED - kinds
    if missing:
        names = ", ".join(sorted(kind.decode() for kind in missing))
        raise UnfitError.broken(f"is cut off or was never finished: it has no {names} box.")
