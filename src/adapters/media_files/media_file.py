"""A published file that is open, and what is known of it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.media_files.content import HEAD_BYTES, format_of
from adapters.media_files.opening import open_published

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that somebody may read.

    Attributes:
        file: open for reading, unbuffered; whoever asked for it closes it.
        size: in bytes.
        modified: seconds since 1970.
        format: what its content is, one of the accepted formats; None for anything else.
        identity: differs whenever the content does, as far as can be told.
        is_certain: whether the identity stands for every byte (its SHA-256), and so for ever;
            otherwise it is made of size, time and inode.
    """

    file: io.FileIO
    size: int
    modified: float
    format: str | None
    identity: str
    is_certain: bool


def open_media(root: Path, path: str, metadata: Mapping[str, object]) -> MediaFile | None:
    """Open a published file.

    Args:
        root: the output root.
        path: relative to it, POSIX-style.
        metadata: what its row says of this very file; may be empty.

    Returns:
        None when there is no such file that may be shown.

    Raises:
        OSError: the system cannot open or read anything there just now.
    """
    file = open_published(root, path)
    if file is None:
        return None
    try:
        facts = os.fstat(file.fileno())
        found = format_of(os.pread(file.fileno(), HEAD_BYTES, 0))
    except BaseException:
        file.close()
        raise
    sha256 = _promised_sha256(metadata, facts.st_size)
    identity = sha256 or _likely_identity(facts)
    return MediaFile(file, facts.st_size, facts.st_mtime, found, identity, sha256 is not None)


def _likely_identity(facts: os.stat_result) -> str:
    told = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_dev} {facts.st_ino}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _promised_sha256(metadata: Mapping[str, object], size: int) -> str | None:
    """The digest in the metadata, unless the file is another one by now, as its size tells."""
    digest = metadata.get("sha256")
    known = isinstance(digest, str) and _SHA256.fullmatch(digest)
    return str(digest) if known and metadata.get("file_size") == size else None
