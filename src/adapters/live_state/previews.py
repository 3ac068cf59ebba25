"""The newest picture of each running render: a small file of its own beside the worker's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.live_state.private_file import replace_file
from adapters.media_formats import picture_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST_PICTURE = 524_288  # bytes; a server's previews have a tenth of that
SUFFIXES = {"jpeg": "jpg", "png": "png"}  # by format; nothing else is kept


@dataclass(frozen=True, slots=True)
class NumberedPicture:
    """A picture that may be shown.

    Attributes:
        number: counts those of one render, from 1.
        suffix: of its file.
        picture: the whole file.
    """

    number: int
    suffix: str
    picture: bytes


def shown_format(picture: bytes) -> str | None:
    """Which of the formats that are kept it is by its first bytes, or None; also when too large."""
    found = picture_format(picture)
    return found if found in SUFFIXES and len(picture) <= LARGEST_PICTURE else None


def picture_file(document: Path, render_id: int, suffix: str) -> Path:
    """Where a picture is.

    Args:
        document: the file of the worker.
        render_id: of the render.
        suffix: of the picture's file.
    """
    return document.with_name(f"{document.stem}-{render_id}.{suffix}")


class PictureFiles:
    """Keeps the files of one worker. One thread uses it.

    Args:
        document: the file of the worker.
    """

    def __init__(self, document: Path) -> None:
        self._document = document
        self._kept: dict[int, NumberedPicture] = {}

    def write(self, pictures: Mapping[int, NumberedPicture]) -> Mapping[int, int]:
        """Write those that are new; gives the number of each that can be read, by render.

        A picture that cannot be written costs nothing but the sight of it.
        """
        for render_id, picture in pictures.items():
            kept = self._kept.get(render_id)
            if kept is None or kept.number != picture.number:
                with suppress(OSError):
                    self._replace(render_id, kept, picture)
        return {
            render_id: kept.number
            for render_id, kept in self._kept.items()
            if render_id in pictures
        }

    def remove_but(self, pictures: Mapping[int, NumberedPicture]) -> None:
        """Remove those of renders that have ended; never raises."""
        for render_id in self._kept.keys() - pictures.keys():
            self._remove(render_id, self._kept.pop(render_id))

    def _replace(
        self, render_id: int, kept: NumberedPicture | None, picture: NumberedPicture
    ) -> None:
        replace_file(picture_file(self._document, render_id, picture.suffix), picture.picture)
        self._kept[render_id] = picture
        if kept is not None and kept.suffix != picture.suffix:
            self._remove(render_id, kept)

    def _remove(self, render_id: int, kept: NumberedPicture) -> None:
        with suppress(OSError):
            picture_file(self._document, render_id, kept.suffix).unlink(missing_ok=True)
