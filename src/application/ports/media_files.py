"""The ports to published files as they are served: the files, thumbnails, waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from application.ports.gallery import GalleryArtifact


class InvalidMediaError(Exception):
    """Nothing can be made from a file because of its content; the message says why."""


class BusyError(Exception):
    """Too many threads are waiting already; it may work later."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A published file, open for reading.

    Attributes:
        file: unbuffered and seekable; the caller that opened it closes it. Its methods raise
            OSError if the file cannot be read now.
        size: in bytes.
        modified: seconds since 1970.
        format: one of the accepted formats, by the file's content; None for anything else.
        identity: differs whenever the content does, as far as is known.
        is_certain: whether the identity stands for every byte (its SHA-256), and so for ever;
            otherwise it is made of size, time and inode.
        is_remote: whether reading it waits for another machine.
        link: makes an address at which anyone can read the file for a quarter of an hour; raises
            OSError if it cannot be made now. None: there is no such address.
    """

    file: io.RawIOBase
    size: int
    modified: float
    format: str | None
    identity: str
    is_certain: bool
    is_remote: bool = False
    link: Callable[[], str] | None = None


class PublishedMedia(Protocol):
    """The published files, by the paths of their rows. Safe from any thread."""

    @property
    def link_origin(self) -> str | None:
        """Scheme, host and port of the addresses that ``MediaFile.link`` makes; None: no links."""
        ...

    def open(self, path: str, metadata: Mapping[str, object]) -> MediaFile | None:
        """Open a published file and tell its format and identity.

        Args:
            path: POSIX-style, relative to the output root.
            metadata: what its row says of this very file; may be empty. Its digest counts as long
                as its size is still that of the file.

        Returns:
            None if there is no such file that may be served.

        Raises:
            OSError: nothing there can be opened or read now.
        """
        ...

    def copy(self, path: str, target: Path) -> str | None:
        """Copy a published file; the copy shares its blocks where the file system can.

        Args:
            path: POSIX-style, relative to the output root.
            target: the new file; must not exist.

        Returns:
            The SHA-256 of the copy in hex; None if there is no such file that may be served.

        Raises:
            OSError: the file cannot be read, or the copy cannot be written.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove a file so that it stays gone after a loss of power; no error if there is none.

        A folder that is empty then goes too.

        Args:
            path: POSIX-style, relative to the output root.

        Raises:
            OSError: it cannot be removed now.
        """
        ...


class DerivedMedia(Protocol):
    """What was made from published files: thumbnails, waveforms, fingerprints."""

    def forget(self, artifact: GalleryArtifact, identity: str) -> None:
        """Remove what was made from a file; what cannot be removed stays.

        Args:
            artifact: the row of the file.
            identity: of the file, as in ``MediaFile``.
        """
        ...


class Thumbnails(Protocol):
    """Thumbnails of pictures. Safe from any thread."""

    def webp(self, media: MediaFile, width: int) -> bytes:
        """A WebP thumbnail of at most ``width`` pixels in width.

        Raises:
            InvalidMediaError: none can be made of the file.
            BusyError: too many others are being made.
            OSError: the file cannot be read now.
        """
        ...


class SoundLevels(Protocol):
    """The loudest moments of a song."""

    @property
    def seconds(self) -> float:
        """Length of the song."""
        ...

    def in_parts(self, parts: int) -> list[float]:
        """The loudest moment of each of ``parts`` equal parts, from 0 (silence) to 1."""
        ...


class Waveforms(Protocol):
    """Levels of songs. Safe from any thread."""

    def levels(self, media: MediaFile) -> SoundLevels:
        """The levels of a song from beginning to end.

        Raises:
            InvalidMediaError: the file is not a song, or cannot be decoded.
            BusyError: too many others are being measured.
            OSError: the file cannot be read now.
        """
        ...
