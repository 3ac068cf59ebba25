"""Published files in a bucket: opened by their metadata, read in ranges."""

from __future__ import annotations

import hashlib
import io
import os
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from adapters.file_copies import copy_file
from adapters.media_files.media_file import (
    HEAD_BYTES,
    PICTURE_FORMATS,
    SONG_FORMATS,
    format_of,
    known_digest,
)
from adapters.media_formats import tagged_song_format
from application.ports.media_files import MediaFile
from domain.artifact import is_servable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any, BinaryIO

    from application.ports.object_storage import ObjectStorage

MIN_BLOCK_BYTES: Final = 256 * 1024
MAX_BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are requested at once: few after a jump, and twice as many with each step ahead."""


class ObjectMedia:
    """Published files in a bucket, behind the port `PublishedMedia`."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage

    @property
    def link_origin(self) -> str | None:
        """Scheme, host and port of links to objects; None if there are none."""
        return self._storage.link_origin

    def open(self, path: str, metadata: Mapping[str, object]) -> MediaFile | None:
        """Open a published file and tell its format and identity; None if it is not to be served.

        Bytes are read only if the metadata do not say all that, and when they are used.

        Raises:
            OSError: the store cannot be asked now.
        """
        facts = self._storage.stat(path) if is_servable(path) else None
        if facts is None:
            return None
        file = ObjectFile(self._storage, path, facts.size, facts.etag)
        size, modified = facts.size, facts.modified
        link = None if self.link_origin is None else partial(self._storage.link, path)
        remote = partial(MediaFile, file, size, modified, is_remote=True, link=link)
        format_name = metadata.get("format")
        sha256 = known_digest(metadata, size)
        if sha256 and format_name in PICTURE_FORMATS | SONG_FORMATS:
            return remote(str(format_name), sha256, is_certain=True)
        head = file.read(HEAD_BYTES) or b""
        file.seek(0)
        claimed = format_of(head)
        if head.startswith(b"ID3"):
            claimed = tagged_song_format(cast("BinaryIO", file))
            file.seek(0)
        described = f"{path} {size} {modified} {facts.etag}"
        identity = sha256 or hashlib.sha256(described.encode()).hexdigest()[:32]
        return remote(claimed, identity, is_certain=sha256 is not None)

    def copy(self, path: str, target: Path) -> str | None:
        """Fetch an object into a new file; returns its SHA-256, None if there is no such object.

        Raises:
            OSError: the store cannot be asked now, or the file cannot be written.
        """
        facts = self._storage.stat(path) if is_servable(path) else None
        if facts is None:
            return None
        digest = hashlib.sha256()
        copy_file(ObjectFile(self._storage, path, facts.size, facts.etag), target, digest)
        return digest.hexdigest()

    def remove(self, path: str) -> None:
        """Remove an object.

        Raises:
            OSError: the store cannot be asked now.
        """
        if is_servable(path):
            self._storage.delete(path)


class ObjectFile(io.RawIOBase):
    """An object as a readable file, whose bytes are requested when they are read.

    Args:
        storage: where it is.
        key: of the object.
        size: in bytes.
        etag: of the content; once it is another one, reading raises OSError.
    """

    def __init__(self, storage: ObjectStorage, key: str, size: int, etag: str) -> None:
        super().__init__()
        self._storage = storage
        self._key = key
        self._size = size
        self._etag = etag
        self._position = 0
        self._block = b""
        self._block_start = 0
        self._block_bytes = MIN_BLOCK_BYTES

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true: every position can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to another position; nothing is requested."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Offset of the next byte."""
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Read the next bytes into a buffer; returns their number, 0 at the end.

        Raises:
            OSError: the store cannot be asked now, or the object is another one.
            ValueError: the file is closed.
        """
        if self.closed:
            message = "the file is closed"
            raise ValueError(message)
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        offset = self._position - self._block_start
        if not 0 <= offset < len(self._block):
            is_next = offset == len(self._block) > 0
            more = min(2 * self._block_bytes, MAX_BLOCK_BYTES) if is_next else MIN_BLOCK_BYTES
            self._block_bytes = more
            count = max(length, more)
            self._block = self._storage.read(self._key, self._position, count, self._etag)
            self._block_start, offset = self._position, 0
        data = memoryview(self._block)[offset : offset + length]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
