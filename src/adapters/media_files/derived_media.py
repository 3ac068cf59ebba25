"""What was made from published files, for removing it together with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from adapters.media_files.thumbnails import WIDTHS
from adapters.media_files.waveforms import VARIANT

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.media_files.derived_files import DerivedFileCache
    from application.ports.gallery import GalleryArtifact

_TIMEOUT: Final = 10.0  # seconds, for another process that writes
# By the names of the databases. An entry without bits keeps a picture from being read again.
_STATEMENTS: Final = {
    "fingerprints.db": ("DELETE FROM fingerprints WHERE identity = :name",),
    "pictures.db": (
        "DELETE FROM bands WHERE artifact_id = :number",
        "UPDATE pictures SET bits = NULL WHERE artifact_id = :number",
    ),
}


class DerivedMediaFiles:
    """Thumbnails and waveforms in the cache, and the fingerprints of pictures.

    Args:
        cache: of thumbnails and waveforms.
        folder: the state folder, in which the databases of fingerprints are.
    """

    def __init__(self, cache: DerivedFileCache, folder: Path) -> None:
        self._cache = cache
        self._folder = folder

    def forget(self, artifact: GalleryArtifact, identity: str) -> None:
        """Remove what was made from a file; what cannot be removed stays."""
        for variant in (VARIANT, *(f"{width}.webp" for width in WIDTHS)):
            self._cache.remove(identity, variant)
        name = str(artifact.metadata.get("sha256") or artifact.file_path)
        for database, statements in _STATEMENTS.items():
            path = self._folder / database
            if not path.exists():
                continue
            try:
                with closing(sqlite3.connect(path, timeout=_TIMEOUT)) as connection, connection:
                    for statement in statements:
                        connection.execute(statement, {"name": name, "number": artifact.id})
            except sqlite3.Error:
                continue
