"""From a staging folder full of anything to a folder of verified media files."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from adapters.filesystem.copying import copy_strangers
from adapters.filesystem.durability import flush
from adapters.filesystem.inspection import inspect
from adapters.filesystem.naming import PublishedNames
from adapters.filesystem.opening import FOLDER, shown
from adapters.filesystem.scanning import find_candidates
from adapters.filesystem.unfit import UnfitError
from domain.artifact import MediaFacts
from domain.failure import FailureCode

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.filesystem.copying import Copied
    from adapters.filesystem.inspection import Measurements
    from adapters.filesystem.limits import StoreLimits
    from domain.kind import Kind


def gather(source: Path, kind: Kind, fresh: Path, limits: StoreLimits) -> tuple[MediaFacts, ...]:
    """Copy every media file of a kind into a fresh folder, verify the copies, flush them.

    Args:
        source: the staging folder; files are looked for in its folders too.
        kind: of media.
        fresh: an empty folder that only we know; the files stand flat in it.
        limits: on number, bytes, pixels and seconds.

    Returns:
        What was measured, in the natural order of the files' paths.

    Raises:
        UnfitError: there is no media file, or one of them must not be published.
        OSError: the fresh folder cannot be written to.
    """
    top = _open(source)
    try:
        names = PublishedNames()
        gathered = []
        left = limits.max_bytes
        for path in find_candidates(top, kind, limits):
            copy = fresh / ".copy"
            copied = copy_strangers(top, path, copy, left)
            left -= copied.size
            measured = _measure(copy, copied.size, kind, path, limits)
            name = names.give(path[-1], measured.format)
            _flush_file(copy)
            copy.rename(fresh / name)
            gathered.append(_facts(name, copied, measured))
    finally:
        os.close(top)
    return tuple(gathered)


def _open(source: Path) -> int:
    """Open the staging folder itself, which the workflow may have replaced."""
    try:
        return os.open(source, FOLDER)
    except OSError as error:
        if error.errno == errno.ENOENT:
            reason = f"The workflow removed its own output folder {source}."
            raise UnfitError(FailureCode.NO_FILES, reason) from error
        if error.errno not in {errno.ENOTDIR, errno.ELOOP, errno.EACCES}:
            raise
        reason = f"The workflow put something else in the place of its output folder {source}"
        raise UnfitError.refused(f"{reason} ({error.strerror}).") from error


def _measure(
    copy: Path, size: int, kind: Kind, path: tuple[str, ...], limits: StoreLimits
) -> Measurements:
    """What is measured of a copy; an error speaks of the file that it was made from."""
    try:
        return inspect(copy, size, kind, limits)
    except UnfitError as error:
        raise error.about(shown(path)) from error


def _facts(name: str, copied: Copied, measured: Measurements) -> MediaFacts:
    return MediaFacts(
        name=name,
        format=measured.format,
        file_size=copied.size,
        sha256=copied.sha256,
        width=measured.width,
        height=measured.height,
        duration_seconds=measured.duration_seconds,
    )


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)
