"""What a FLAC file promises of itself (RFC 9639, sections 8.1 and 8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.byte_reading import skip, take
from adapters.filesystem.unfit import UnfitError

if TYPE_CHECKING:
    from typing import BinaryIO

_STREAMINFO_LENGTH = 34
_LAST = 0x80
_NO_DIGEST = bytes(16)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The promise that the decoded sound must keep.

    Attributes:
        samples: of each channel.
        bits: of one sample.
        md5: of the decoded samples, or None where the encoder left it out.
    """

    samples: int
    bits: int
    md5: bytes | None


def walk_flac(file: BinaryIO, size: int) -> StreamInfo:
    """Pass over the metadata up to the first frame of sound.

    Raises:
        UnfitError: the file is cut off, or its encoder never came to its end: it writes the
            count of samples last.
    """
    if take(file, 4, "its header") != b"fLaC":
        raise UnfitError.broken("does not begin like a FLAC file.")
    head = take(file, 4, "its header")
    if head[0] & ~_LAST or int.from_bytes(head[1:], "big") != _STREAMINFO_LENGTH:
        raise UnfitError.broken("has no FLAC stream information.")
    info = take(file, _STREAMINFO_LENGTH, "its header")
    while not head[0] & _LAST:
        head = take(file, 4, "its metadata")
        skip(file, int.from_bytes(head[1:], "big"), size, "its metadata")
    packed = int.from_bytes(info[10:18], "big")
    samples = packed & (1 << 36) - 1
    if samples == 0:
        raise UnfitError.broken("does not say how long it is: its encoder never finished it.")
    md5 = info[18:34]
    return StreamInfo(samples, (packed >> 36 & 31) + 1, None if md5 == _NO_DIGEST else md5)
