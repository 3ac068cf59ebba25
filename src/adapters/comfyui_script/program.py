"""Whether a file is a program that the system can start, told without starting it.

A shell that starts a program for us does not say in a reliable way why it could not; and it
reads a file that is no program as a list of commands, which nobody meant.
"""

from __future__ import annotations

import errno
import os
import stat

# ELF; Mach-O in its two widths and byte orders; Mach-O for several processors; and what the
# Linux of a Windows machine hands over to Windows.
_FORMATS = (
    b"\x7fELF",
    *(b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf"),
    *(b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"),
    b"MZ",
)
_SCRIPT = b"#!"
_FIRST_LINE = 256  # bytes that Linux reads of a script's first line; execve(2)
_DEEPEST = 4  # interpreters of interpreters; execve(2)


def why_no_program(path: bytes, directory: bytes, depth: int = 0) -> OSError | None:
    """What the system would say if it had to start this file from this directory.

    None means that nothing speaks against it; that it starts is not certain.
    """
    place = os.path.join(directory, path)  # noqa: PTH118 - bytes, as they stand in the command
    try:
        if not stat.S_ISREG(os.stat(place).st_mode) or not os.access(place, os.X_OK):  # noqa: PTH116
            return _fault(errno.EACCES, path)
    except OSError as error:
        return error
    head = _beginning(place)
    if head is None or head.startswith(_FORMATS):
        return None
    words = head[len(_SCRIPT) :].partition(b"\n")[0].split() if head.startswith(_SCRIPT) else []
    if not words:
        return _fault(errno.ENOEXEC, path)
    if depth == _DEEPEST:
        return _fault(errno.ELOOP, path)
    return why_no_program(words[0], directory, depth + 1)


def _beginning(place: bytes) -> bytes | None:
    """None when the file may be started, but not read."""
    try:
        with open(place, "rb") as file:  # noqa: PTH123 - bytes
            return file.read(_FIRST_LINE)
    except OSError:
        return None


def _fault(number: int, path: bytes) -> OSError:
    return OSError(number, os.strerror(number), os.fsdecode(path))
