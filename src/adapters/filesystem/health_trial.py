"""Trying out whether files can be made and moved below the output root."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from adapters.filesystem.os_failures import failure_of
from adapters.filesystem.placing import make_folder
from adapters.filesystem.preflight import STAGING_FOLDER
from adapters.filesystem.removal import remove_tree
from application.ports.health import Check, Health
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WRITABLE = "output writable"
_MOVABLE = "output moves"


def try_out(root: Path) -> Iterator[Check]:
    """Make a folder with a file, move it to where media go, and remove all that was made.

    Its name begins with a dot, so that nobody who scans for media sees it; and it holds no
    file any more when it is moved.
    """
    staging = root / STAGING_FOLDER
    name = f".probe-{secrets.token_hex(8)}"
    made_staging = False
    try:
        made_staging = make_folder(staging, 0o700)
        yield from _write_and_move(root, staging / name)
    except OSError as error:
        failure = failure_of(error, root, "make a folder with a file")
        yield Check(_WRITABLE, Health.BROKEN, failure.message, failure.hint)
    finally:
        with contextlib.suppress(OSError):
            remove_tree(staging / name)
        if made_staging:
            with contextlib.suppress(OSError):
                staging.rmdir()


def _write_and_move(root: Path, probe: Path) -> Iterator[Check]:
    """Both checks; raises OSError when nothing can be written."""
    make_folder(probe, 0o700)
    file = probe / "file"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, b"x")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    file.unlink()
    yield Check(_WRITABLE, Health.WELL, "Folders and files can be made and removed.")
    yield _move(root, probe)


def _move(root: Path, probe: Path) -> Check:
    """Whether a folder gets from staging to every place where media stand, in one step."""
    shelves = [root / kind.value for kind in Kind if (root / kind.value).is_dir()]
    for place in shelves or [root]:
        target = place / probe.name
        try:
            probe.rename(target)
            target.rename(probe)
        except OSError as error:
            failure = failure_of(error, root, f"move a folder to {place}")
            return Check(_MOVABLE, Health.BROKEN, failure.message, failure.hint)
        finally:
            with contextlib.suppress(OSError):
                remove_tree(target)
    return Check(_MOVABLE, Health.WELL, "Finished folders can be moved into place in one step.")
