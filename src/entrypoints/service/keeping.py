"""The service's file on the disk: written whole, for its owner only, and never over another's."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from entrypoints.service.definition import MARK, ServiceError

if TYPE_CHECKING:
    from pathlib import Path


def written(file: Path, text: str) -> bool:
    """Write the file, readable by its owner only; whether it was another before.

    Raises:
        OSError: it cannot be written.
        ServiceError: a file of that name is not ours.
    """
    check_ours(file)
    if _content(file) == text:
        file.chmod(0o600)
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, file)  # noqa: PTH105 - one name is text
    except BaseException:
        os.unlink(name)  # noqa: PTH108 - the name is text
        raise
    return True


def check_ours(file: Path) -> None:
    """Raise ServiceError where a file stands that ``service install`` did not make."""
    content = _content(file)
    if content is not None and MARK not in content:
        raise ServiceError(
            f"{file} was not made by 'mediagen service install', so it is left alone; choose"
            " another --name, or move that file away"
        )


def _content(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return None
