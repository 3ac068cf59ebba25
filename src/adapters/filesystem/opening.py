"""Opening what a workflow left, without trusting a single name of it."""

from __future__ import annotations

import errno
import os
import stat

from adapters.filesystem.unfit import UnfitError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK, or a named pipe would keep us waiting for somebody to write to it.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# Errors that say something about the file and nothing about the machine.
_FILES_OWN_FAULT = frozenset(
    {
        errno.EACCES,
        errno.ELOOP,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
    }
)
_SHOWN_LENGTH = 100
_SORTS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
    stat.S_IFDIR: "folder",
}


def shown(path: tuple[str, ...]) -> str:
    """A path in quotes, fit for a message: printable, and no longer than a line."""
    text = "/".join(path)
    if len(text) > _SHOWN_LENGTH:
        text = f"{text[:_SHOWN_LENGTH]}…"
    return repr("".join(letter if letter.isprintable() else "?" for letter in text))


def names_in(folder: int) -> list[str]:
    """The names of all entries of an open folder."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def open_strangers(path: tuple[str, ...], flags: int, top: int) -> int:
    """Open a file or folder below an open folder; no part of the path may be a link.

    Raises:
        UnfitError: it cannot be opened, and that is its own fault.
        OSError: the system cannot open anything just now.
    """
    folder = top
    try:
        for part in path[:-1]:
            deeper = os.open(part, FOLDER, dir_fd=folder)
            _close_below(folder, top)
            folder = deeper
        return os.open(path[-1], flags, dir_fd=folder)
    except OSError as error:
        if error.errno not in _FILES_OWN_FAULT:
            raise
        raise UnfitError.refused(f"{shown(path)} cannot be opened: {error.strerror}.") from error
    finally:
        _close_below(folder, top)


def refuse_unless_plain(facts: os.stat_result, path: tuple[str, ...]) -> None:
    """Raise UnfitError unless this is a regular file that has one name only."""
    if not stat.S_ISREG(facts.st_mode):
        sort = _SORTS.get(stat.S_IFMT(facts.st_mode), "special file")
        raise UnfitError.refused(f"{shown(path)} is a {sort}, not a regular file.")
    if facts.st_nlink != 1:
        raise UnfitError.refused(f"{shown(path)} is a hard link: it stands elsewhere too.")


def _close_below(folder: int, top: int) -> None:
    if folder != top:
        os.close(folder)
