"""Reading files of which every byte must be accounted for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO


def take(file: BinaryIO, count: int, part: str) -> bytes:
    """Exactly that many bytes.

    Raises:
        UnfitError: the file ends before; `part` names what it ends in.
    """
    data = file.read(count)
    if len(data) != count:
        raise UnfitError.broken(f"is cut off: it ends inside {part}.")
    return data


def skip(file: BinaryIO, count: int, size: int, part: str) -> None:
    """Pass over that many bytes of a file of that size.

    Raises:
        UnfitError: the file ends before.
    """
    if file.seek(count, os.SEEK_CUR) > size:
        raise UnfitError.broken(f"is cut off: it ends inside {part}.")


def refuse_rest(file: BinaryIO, size: int, end: str) -> None:
    """Raise UnfitError when anything follows what must be the end of the file."""
    rest = size - file.tell()
    if rest > 0:
        raise UnfitError.refused(f"holds {rest:,} bytes of something else behind {end}.")
