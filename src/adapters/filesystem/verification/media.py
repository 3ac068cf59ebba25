"""What all verifiers share: accepted suffixes, measurements, the error, and exact reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.media_formats import other_format
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from typing import BinaryIO

ACCEPTED_SUFFIXES = MappingProxyType(
    {
        Kind.IMAGE: frozenset({".png", ".jpg", ".jpeg", ".webp"}),
        Kind.AUDIO: frozenset({".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a"}),
    }
)
"""Suffixes that make a file a candidate; its content says what it is (contract, section 3)."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured while a file was verified.

    Attributes:
        format: the format of the content, one of the names in `MediaFacts`.
        width: pixels, for an image.
        height: pixels, for an image.
        duration_seconds: length of the decoded sound, for audio.
    """

    format: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


class InvalidMediaError(Exception):
    """Output of a workflow that must not be published: a file, or its whole staging folder.

    Verifiers raise it; the store turns it into a `Failure`.

    Attributes:
        code: the failure code.
        reason: what is wrong: a whole sentence, or one without its subject, which `about` adds.
    """

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    @classmethod
    def broken(cls, reason: str) -> InvalidMediaError:
        """Error for a file that is damaged or incomplete."""
        return cls(FailureCode.FILE_BROKEN, reason)

    @classmethod
    def too_large_for_memory(cls) -> InvalidMediaError:
        """Error for a file that cannot be decoded with the memory that there is.

        A few changed bytes can ask for any amount of it. If that counted as the machine's fault,
        one such file would stop the queue.
        """
        return cls.broken("cannot be decoded: it asks for more memory than there is.")

    @classmethod
    def refused(cls, reason: str) -> InvalidMediaError:
        """Error for a file that may be whole but is not of a sort that is published."""
        return cls(FailureCode.FILE_REFUSED, reason)

    @classmethod
    def too_much(cls, reason: str) -> InvalidMediaError:
        """Error for output that exceeds a limit on files, bytes or depth."""
        return cls(FailureCode.TOO_MUCH_OUTPUT, reason)

    @classmethod
    def unrecognized(cls, kind: Kind, head: bytes) -> InvalidMediaError:
        """Error for a file whose content is none of the accepted formats.

        Args:
            kind: the media kind that was expected.
            head: its first bytes; an empty file is named as such.
        """
        if not head:
            return cls.broken("is empty.")
        accepted = ", ".join(sorted(suffix[1:] for suffix in ACCEPTED_SUFFIXES[kind]))
        if other := other_format(head):
            reason = f"is not what its name says: its content is {other}, none of {accepted}."
            return cls(FailureCode.FORMAT_UNSUPPORTED, reason)
        return cls.broken(f"is not what its name says: its content is none of {accepted}.")

    def about(self, subject: str) -> InvalidMediaError:
        """The same error with its subject (a quoted path) in front of the reason."""
        return InvalidMediaError(self.code, f"{subject} {self.reason}")

    def failure(self) -> Failure:
        """The failure that the application reports."""
        return Failure(self.code, self.reason)


def read_exactly(file: BinaryIO, count: int, part: str) -> bytes:
    """Read exactly ``count`` bytes.

    Args:
        file: open for reading.
        count: bytes to read.
        part: names what is being read, for the message ("its header").

    Raises:
        InvalidMediaError: the file ends before that.
    """
    data = file.read(count)
    if len(data) != count:
        raise InvalidMediaError.broken(f"is cut off: it ends inside {part}.")
    return data


def skip(file: BinaryIO, count: int, size: int, part: str) -> None:
    """Move ``count`` bytes ahead in a file of ``size`` bytes.

    Args:
        file: seekable.
        count: bytes to pass over.
        size: bytes in the file, or where the enclosing part of it ends.
        part: names what is passed over, for the message ("a chunk").

    Raises:
        InvalidMediaError: the file ends before that.
    """
    if file.seek(count, os.SEEK_CUR) > size:
        raise InvalidMediaError.broken(f"is cut off: it ends inside {part}.")


def refuse_trailing_bytes(file: BinaryIO, size: int, end: str) -> None:
    """Refuse a file of ``size`` bytes that continues after the end of its media.

    Args:
        file: positioned at the end of the media.
        size: bytes in the file.
        end: names that end, for the message ("the end of the picture").

    Raises:
        InvalidMediaError: there are more bytes.
    """
    rest = size - file.tell()
    if rest > 0:
        raise InvalidMediaError.refused(f"has {rest:,} bytes of something else after {end}.")
