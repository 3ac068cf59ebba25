"""What a file truly is, and whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.formats import SUFFIXES, sniff
from adapters.filesystem.jpeg import walk_jpeg
from adapters.filesystem.picture_decoding import decode_picture, refuse_giants
from adapters.filesystem.png import walk_png
from adapters.filesystem.song_checks import check_song
from adapters.filesystem.unfit import UnfitError
from adapters.filesystem.webp import walk_webp
from domain.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits

_PICTURE_WALKS = {"png": walk_png, "jpeg": walk_jpeg, "webp": walk_webp}


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of a whole file; as in `MediaFacts`."""

    format: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


def inspect(path: Path, size: int, kind: Kind, limits: StoreLimits) -> Measurements:
    """Verify a file of a kind to its last byte: its container's structure first, then decoded.

    Structure first, because decoders play half a file without a word, and because a header
    must be judged before a decoder reserves the memory that it asks for.

    Args:
        path: of a file that nobody else writes to.
        size: of the file, in bytes.
        kind: what it must be.
        limits: on pixels and seconds.

    Raises:
        UnfitError: it is broken, or is nothing that we would publish.
    """
    try:
        return _inspect(path, size, kind, limits)
    except MemoryError as error:
        # A few changed bytes can ask for any amount. Were the machine at fault for them, one
        # such file would stop the queue; and files within the limits need little.
        raise UnfitError.broken("cannot be decoded: it asks for more memory than there is.") from (
            error
        )


def _inspect(path: Path, size: int, kind: Kind, limits: StoreLimits) -> Measurements:
    with path.open("rb") as file:
        sniffed = sniff(file, kind)
        if sniffed is None:
            raise UnfitError.broken(_strange(kind, size))
        if kind is Kind.AUDIO:
            format_name, seconds = check_song(path, file, size, sniffed, limits)
            return Measurements(format_name, duration_seconds=seconds)
        width, height = _PICTURE_WALKS[sniffed](file, size)
    refuse_giants((width, height), limits)
    decode_picture(path, sniffed, (width, height), limits)
    return Measurements(sniffed, width, height)


def _strange(kind: Kind, size: int) -> str:
    """The reason for a file that is none of the accepted formats."""
    if size == 0:
        return "is empty."
    accepted = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES[kind]))
    return f"is not what its name says: its content is none of {accepted}."
