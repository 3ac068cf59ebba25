"""Structure of an M4A file, box by box (ISO/IEC 14496-12, section 4.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from adapters.filesystem.verification.media import InvalidMediaError, read_exactly, skip

if TYPE_CHECKING:
    from typing import BinaryIO

_LONG_SIZE = 1
_REQUIRED_BOXES = frozenset({b"ftyp", b"moov", b"mdat"})


def verify_m4a(file: BinaryIO, size: int) -> None:
    """Check that the top-level boxes of an M4A file fill it exactly.

    A file in fragments, or one whose last box is open-ended, could be cut without a trace and
    is refused.

    Args:
        file: at its beginning.
        size: bytes in the file.

    Raises:
        InvalidMediaError: the file is cut off or damaged, or lacks a box.
    """
    kinds: set[bytes] = set()
    while file.tell() < size:
        length, kind = struct.unpack(">I4s", read_exactly(file, 8, "the head of a box"))
        read = 8
        if length == _LONG_SIZE:
            (length,) = struct.unpack(">Q", read_exactly(file, 8, "the head of a box"))
            read = 16
        if kind == b"moof" or length == 0:
            raise InvalidMediaError.refused(
                "is a stream of fragments, in which a missing one would not be noticed."
            )
        if length < read:
            raise InvalidMediaError.broken("is damaged: the length of a box is invalid.")
        skip(file, min(length, size + 1) - read, size, f"its {kind.decode('latin-1')!r} box")
        kinds.add(kind)
    missing = _REQUIRED_BOXES - kinds
    if missing:
        names = ", ".join(sorted(kind.decode() for kind in missing))
        raise InvalidMediaError.broken(f"is cut off or was never finished: it has no {names} box.")
