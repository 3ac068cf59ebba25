"""The body of an answer that comes from a file, read only as fast as it is taken."""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.media_files.byte_ranges import Stretch

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence

AT_ONCE: Final = 4 * 1024 * 1024  # bytes: a server asks for as many as a socket may hold


class FilePart(NamedTuple):
    """Where bytes are that somebody may send without reading them.

    Attributes:
        descriptor: of the open file.
        first: the place of the first byte.
        length: how many there are, at least 1.
    """

    descriptor: int
    first: int
    length: int


class MediaBody:
    """Bytes and stretches of a file, one after the other, as one file that can be read.

    A server that is given a file reads on whenever its client has taken what it sent before; so
    one slow client costs an open file, and neither a thread nor memory. Closing it closes the
    file.

    Args:
        file: open and unbuffered.
        pieces: what the body consists of.
    """

    def __init__(self, file: io.FileIO, pieces: Sequence[bytes | Stretch]) -> None:
        self._file = file
        self._pieces = pieces
        lengths = [each.length if isinstance(each, Stretch) else len(each) for each in pieces]
        self._ends = list(accumulate(lengths))
        self._place = 0

    def __len__(self) -> int:
        """Bytes in all."""
        return self._ends[-1] if self._ends else 0

    def read(self, most: int = -1) -> bytes:
        """The next bytes, perhaps fewer than asked for; none at the end.

        Raises:
            OSError: the file is shorter than it was, or cannot be read, or is closed. The
                server then hangs up; with no bytes and no error it would try for ever.
        """
        if most < 0:
            return b"".join(iter(lambda: self.read(AT_ONCE), b""))
        if self._place >= len(self):
            return b""
        piece, rest = self._here()
        wanted = min(rest, most, AT_ONCE)
        if isinstance(piece, Stretch):
            found = self._read_file(piece.end - rest, wanted)
        else:
            found = piece[len(piece) - rest :][:wanted]
        self._place += len(found)
        return found

    def next_part(self, most: int) -> FilePart | None:
        """Where the next bytes are; None where they are not in the file, or there are none.

        Raises:
            OSError: the file is closed.
        """
        if self._place >= len(self) or most <= 0:
            return None
        piece, rest = self._here()
        if not isinstance(piece, Stretch):
            return None
        return FilePart(self._descriptor(), piece.end - rest, min(rest, most))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place, as in any file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: len(self)}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def seekable(self) -> bool:
        """Every place can be gone to."""
        return True

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._file.close()

    def _here(self) -> tuple[bytes | Stretch, int]:
        """The piece that comes next, and how many bytes of it are left."""
        index = bisect_right(self._ends, self._place)
        return self._pieces[index], self._ends[index] - self._place

    def _descriptor(self) -> int:
        if self._file.closed:
            raise OSError(errno.EBADF, "the file was closed while it was sent")
        return self._file.fileno()

    def _read_file(self, first: int, wanted: int) -> bytes:
        found = os.pread(self._descriptor(), wanted, first)
        if not found and wanted:
            raise OSError(errno.EIO, "the file became shorter while it was sent")
        return found
