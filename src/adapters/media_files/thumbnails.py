"""Small copies of pictures, made once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from adapters.media_files.content import PICTURES
from adapters.media_files.thumbnail_drawing import draw_thumbnail
from adapters.media_files.unfit import UnfitMediaError

if TYPE_CHECKING:
    from adapters.media_files.media_file import MediaFile
    from adapters.media_files.small_copies import SmallCopies
    from adapters.media_files.workshop import Workshop

WIDTHS: Final = (160, 320, 640, 1280)  # pixels
_HEAD = 8  # bytes of a RIFF container that its own length does not count


class Thumbnails:
    """WebP pictures of a few widths.

    Args:
        copies: where they are kept.
        workshop: where they are made.
    """

    def __init__(self, copies: SmallCopies, workshop: Workshop) -> None:
        self._copies = copies
        self._workshop = workshop

    def webp(self, media: MediaFile, width: int) -> bytes:
        """A picture of at most so many pixels in width.

        Raises:
            UnfitMediaError: none can be made of the file.
            CrowdedError: too many others are being made.
            OSError: the file cannot be read just now.
        """
        if media.format not in PICTURES:
            raise UnfitMediaError("the file is no picture")
        return self._kept(media, width) or self._workshop.make(
            f"{media.identity} {width}", lambda: self._made(media, width)
        )

    def _kept(self, media: MediaFile, width: int) -> bytes | None:
        found = self._copies.load(media.identity, f"{width}.webp")
        return found if found and _is_whole(found) else None

    def _made(self, media: MediaFile, width: int) -> bytes:
        found = self._kept(media, width)  # by whoever came before, since we looked
        if found:
            return found
        with io.FileIO(media.file.fileno(), closefd=False) as file:
            file.seek(0)
            made = draw_thumbnail(io.BufferedReader(file), str(media.format), width)
        self._copies.save(media.identity, f"{width}.webp", made)
        return made


def _is_whole(webp: bytes) -> bool:
    """Whether a file has its whole length: nothing waits for the disk when it is written."""
    return webp.startswith(b"RIFF") and int.from_bytes(webp[4:8], "little") + _HEAD == len(webp)
