"""Files that only their owner can read, replaced as a whole."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put a file there, or in the place of the one that is there.

    Raises:
        OSError: it cannot be written; what was there is untouched, and no half is left.
    """
    half = path.with_suffix(".tmp")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        half.replace(path)
    except OSError:
        with suppress(OSError):
            half.unlink()
        raise
