"""Files go from the disk to the connection without a detour through this program.

waitress reads a piece and sends it. For a file that is served as it lies there the system can do
both at once, which spares two copies of every byte.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.task import WSGITask

if TYPE_CHECKING:
    from adapters.media_files.body import FilePart

# Not every file system can do it.
_UNABLE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP})


class SentFile(ReadOnlyFileBasedBuffer):
    """What waitress keeps of a body until it is sent; says where the bytes are, if it can."""

    def get(self, numbytes: int = -1, skip: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        """The next bytes, or their place in a file."""
        wanted = self.remain if numbytes < 0 else min(numbytes, self.remain)
        part = getattr(self.file, "next_part", None)
        found = None if part is None or skip else part(wanted)
        return super().get(numbytes, skip) if found is None else found


class SendingTask(WSGITask):
    """Lets applications hand over files in that way."""

    def get_environment(self) -> dict[str, Any]:
        """The same, with our wrapper of files."""
        environ: dict[str, Any] = super().get_environment()
        environ["wsgi.file_wrapper"] = SentFile
        return environ


def send_part(connection: int, part: FilePart) -> int | bytes:
    """Send what a connection takes of a part of a file.

    Args:
        connection: its descriptor.
        part: to be sent.

    Returns:
        How many bytes went, 0 where it takes none just now; or the bytes themselves, where the
        system cannot send them by itself.

    Raises:
        OSError: the other side is gone, or the file is shorter than it was.
    """
    try:
        sent = os.sendfile(connection, part.descriptor, part.first, part.length)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno in _UNABLE:
            return os.pread(part.descriptor, part.length, part.first)
        raise
    if not sent:
        raise OSError(errno.EIO, "the file became shorter while it was sent")
    return sent
