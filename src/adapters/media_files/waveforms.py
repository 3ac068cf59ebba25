"""The loudness of songs, measured once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from adapters.media_files.content import SONGS
from adapters.media_files.sound_levels import LEVELS, SoundLevels, measure_levels
from adapters.media_files.unfit import UnfitMediaError

if TYPE_CHECKING:
    from adapters.media_files.media_file import MediaFile
    from adapters.media_files.small_copies import SmallCopies
    from adapters.media_files.workshop import Workshop

_VARIANT = "levels.json"


class Waveforms:
    """How loud songs are.

    Args:
        copies: where it is kept.
        workshop: where it is measured.
    """

    def __init__(self, copies: SmallCopies, workshop: Workshop) -> None:
        self._copies = copies
        self._workshop = workshop

    def levels(self, media: MediaFile) -> SoundLevels:
        """The loudest moments of a song.

        Raises:
            UnfitMediaError: they cannot be told.
            CrowdedError: too many others are being measured.
            OSError: the file cannot be read just now.
        """
        if media.format not in SONGS:
            raise UnfitMediaError("the file is no song")
        return self._kept(media) or self._workshop.make(
            f"{media.identity} levels", lambda: self._measured(media)
        )

    def _kept(self, media: MediaFile) -> SoundLevels | None:
        try:
            found = json.loads(self._copies.load(media.identity, _VARIANT) or b"{}")
            kept = SoundLevels(tuple(map(float, found["levels"])), float(found["seconds"]))
        except (ValueError, TypeError, KeyError):
            return None  # nothing waits for the disk when it is written
        return kept if len(kept.levels) == LEVELS else None

    def _measured(self, media: MediaFile) -> SoundLevels:
        found = self._kept(media)  # by whoever came before, since we looked
        if found:
            return found
        with io.FileIO(media.file.fileno(), closefd=False) as file:
            file.seek(0)
            measured = measure_levels(file, str(media.format))
        written = json.dumps(
            {"levels": measured.levels, "seconds": measured.seconds}, separators=(",", ":")
        )
        self._copies.save(media.identity, _VARIANT, written.encode())
        return measured
