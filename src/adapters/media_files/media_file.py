"""Opening a published file, and telling its format by its first bytes."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from adapters.file_copies import copy_file
from adapters.media_formats import song_format, tagged_song_format
from adapters.picture_files import picture_format
from application.ports.media_files import MediaFile
from domain.artifact import is_servable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD_BYTES: Final = 512  # the first page of an Ogg stream has fewer before the name of its codec
PICTURE_FORMATS: Final = frozenset({"png", "jpeg", "webp"})
SONG_FORMATS: Final = frozenset({"mp3", "wav", "flac", "ogg", "opus", "m4a"})
# Pictures (AVIF, HEIC) use the container of MPEG-4 too; these are the brands that may hold sound.
_MPEG_4_BRANDS = (b"M4A", b"M4B", b"isom", b"iso", b"mp41", b"mp42", b"dash")
_OGG_PAGE_HEAD = 27  # bytes; the last one says how many lengths follow (RFC 3533, section 6)
_SHA256 = re.compile(r"[0-9a-f]{64}")

_ROOT_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # the root itself may be a link
_FOLDER_FLAGS = _ROOT_FLAGS | os.O_NOFOLLOW
# O_NONBLOCK, or opening a named pipe would wait for a writer.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Errors that say something about the path and nothing about the machine. Linux and macOS refuse
# a link with ELOOP or ENOTDIR, a socket with ENXIO or EOPNOTSUPP.
_NOT_SERVABLE = frozenset(
    {
        errno.EACCES,
        errno.EINVAL,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
    }
)


class MediaFolder:
    """Published files in a folder, behind the port `PublishedMedia`.

    Args:
        root: the output root.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def link_origin(self) -> None:
        """No file of a folder has an address of its own."""
        return None

    def open(self, path: str, metadata: Mapping[str, object]) -> MediaFile | None:
        """Open a published file and tell its format and identity; None if it is not to be served.

        Raises:
            OSError: the system cannot open or read anything there now.
        """
        file = open_published(self._root, path)
        if file is None:
            return None
        try:
            facts = os.fstat(file.fileno())
            head = os.pread(file.fileno(), HEAD_BYTES, 0)
            format_name = format_of(head)
            if head.startswith(b"ID3"):
                format_name = tagged_song_format(file)
                file.seek(0)
        except BaseException:
            file.close()
            raise
        size, modified = facts.st_size, facts.st_mtime
        if sha256 := known_digest(metadata, size):
            return MediaFile(file, size, modified, format_name, sha256, is_certain=True)
        described = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_dev} {facts.st_ino}"
        identity = hashlib.sha256(described.encode()).hexdigest()[:32]
        return MediaFile(file, size, modified, format_name, identity, is_certain=False)

    def copy(self, path: str, target: Path) -> str | None:
        """Copy a published file into a new one; returns the copy's SHA-256, None without a file.

        Raises:
            OSError: the file cannot be read, or the copy cannot be written.
        """
        file = open_published(self._root, path)
        if file is None:
            return None
        digest = hashlib.sha256()
        with file:
            copy_file(file, target, digest)
        return digest.hexdigest()

    def remove(self, path: str) -> None:
        """Remove a file and its folder if that is empty then; a link is removed, not followed.

        Raises:
            OSError: it cannot be removed now.
        """
        if not is_servable(path):
            return
        *parents, name = path.split("/")
        with ExitStack() as opened:
            folders = [os.open(self._root, _ROOT_FLAGS)]
            opened.callback(os.close, folders[0])
            for depth, parent in enumerate(parents):
                try:
                    folders.append(os.open(parent, _FOLDER_FLAGS, dir_fd=folders[-1]))
                except FileNotFoundError:
                    if depth == 0:  # not even that of its kind: the volume may not be mounted
                        raise
                    return
                opened.callback(os.close, folders[-1])
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folders[-1])
            os.fsync(folders[-1])
            if len(parents) > 1:  # the folder of a render, not that of a kind
                with suppress(OSError):
                    os.rmdir(parents[-1], dir_fd=folders[-2])


def known_digest(metadata: Mapping[str, object], size: int) -> str | None:
    """The SHA-256 that a row's metadata give a file, if they give it this size too."""
    sha256 = metadata.get("sha256")
    if metadata.get("file_size") != size or not isinstance(sha256, str):
        return None
    return sha256 if _SHA256.fullmatch(sha256) else None


def open_published(root: Path, path: str) -> io.FileIO | None:
    """Open a plain file below the output root, never leaving it.

    No part of the path may be a link: each folder is opened within the one before, so that
    nothing changes between a check and its use.

    Args:
        root: the output root.
        path: POSIX-style, relative to it.

    Returns:
        The file at its beginning, unbuffered; None if there is no such file that may be served.

    Raises:
        OSError: the system cannot open or read anything there now.
    """
    if not is_servable(path):
        return None
    *parents, name = path.split("/")
    try:
        folder = os.open(root, _ROOT_FLAGS)
        try:
            for parent in parents:
                inner = os.open(parent, _FOLDER_FLAGS, dir_fd=folder)
                os.close(folder)
                folder = inner
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in _NOT_SERVABLE:
            return None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return io.FileIO(descriptor, "rb")


def format_of(head: bytes) -> str | None:
    """The format that a file with these first bytes claims to have; None if it is not accepted."""
    format_name = picture_format(head) or song_format(head)
    if format_name == "m4a" and not head[8:12].startswith(_MPEG_4_BRANDS):
        return None
    if format_name == "ogg" and len(head) >= _OGG_PAGE_HEAD:
        body = _OGG_PAGE_HEAD + head[_OGG_PAGE_HEAD - 1]
        return "opus" if head[body:].startswith(b"OpusHead") else "ogg"
    return format_name
