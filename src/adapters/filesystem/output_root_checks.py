"""The doctor's checks of the output root: presence, paths, rights, moves, free space."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import stat
from typing import TYPE_CHECKING

from adapters.filesystem.artifact_store import (
    MIN_FREE_BYTES_KEY,
    format_bytes,
    free_bytes,
    low_space,
    missing_root,
    os_failure,
)
from adapters.filesystem.cleanup import delete_tree
from adapters.filesystem.publication import PRIVATE_MODE, STAGING_FOLDER, make_folder
from application.ports.doctor import Check, CheckStatus
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOW_SPACE_BYTES = 2 * 1024**3  # a warning below this
_WRITABLE = "output writable"
_MOVABLE = "output moves"


class OutputRootChecks:
    """Checks whether media can be stored below a root and read by other users.

    Args:
        output_root: the output root, which need not exist.
        min_free_bytes: free bytes below which no prompt is claimed; 0 for no minimum.
    """

    def __init__(self, output_root: Path, min_free_bytes: int = 0) -> None:
        self._root = output_root
        self._min_free_bytes = min_free_bytes

    def checks(self) -> Iterator[Check]:
        """Run all checks; a folder and a file are made and deleted, nothing else is changed."""
        presence = self._presence()
        yield presence
        if presence.status is CheckStatus.ERROR:
            return
        yield self._paths()
        yield from self._writing()
        yield self._readability()
        yield from FreeSpaceChecks("output free space", self._root, self._min_free_bytes).checks()

    def _presence(self) -> Check:
        subject = "output root"
        try:
            missing = missing_root(self._root)
        except OSError as error:
            finding = f"{self._root} cannot be examined: {error.strerror}."
            remedy = "Give yourself the right to enter the folders above it (chmod u+x)."
            return Check(subject, CheckStatus.ERROR, finding, remedy)
        if missing is not None:
            command = f"mkdir -p {shlex.quote(str(self._root))}"
            return Check(subject, CheckStatus.ERROR, missing.message, missing.hint, command)
        return Check(subject, CheckStatus.OK, f"{self._root} is a folder.")

    def _paths(self) -> Check:
        """Rows hold paths relative to the root, beginning with the kind (contract, section 4)."""
        subject = "output paths"
        if not self._root.is_absolute():
            finding = (
                f"{self._root} is relative: its location depends on where the program is started."
            )
            return Check(subject, CheckStatus.ERROR, finding, "Set an absolute output root.")
        if self._root.name in set(Kind):
            name = self._root.name
            return Check(
                subject,
                CheckStatus.WARNING,
                f"The root itself is called {name!r}: its media get paths like {name}/{name}/…,"
                " and rows would say image/… from there on.",
                f"Set comfyui.output_directory to {self._root.parent}, unless that is intended.",
            )
        return Check(subject, CheckStatus.OK, "file paths are relative to the output root")

    def _writing(self) -> Iterator[Check]:
        """Make a folder with a file, move it to where media go, and delete all that was made.

        Its name begins with a dot, so that programs that scan for media ignore it; and the file
        is gone before it is moved.
        """
        staging = self._root / STAGING_FOLDER
        folder = staging / f".probe-{secrets.token_hex(8)}"
        made_staging = False
        try:
            made_staging = make_folder(staging, PRIVATE_MODE)
            make_folder(folder, PRIVATE_MODE)
            file = folder / "file"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, b"x")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            file.unlink()
            yield Check(_WRITABLE, CheckStatus.OK, "folders and files can be created and deleted")
            yield self._moving(folder)
        except OSError as error:
            failure = os_failure(error, self._root, "make a folder with a file")
            command = f"chmod u+rwx {shlex.quote(str(self._root))}"
            yield Check(_WRITABLE, CheckStatus.ERROR, failure.message, failure.hint, command)
        finally:
            with contextlib.suppress(OSError):
                delete_tree(folder)
            if made_staging:
                with contextlib.suppress(OSError):
                    staging.rmdir()

    def _moving(self, folder: Path) -> Check:
        """Whether a folder can be renamed from staging to each folder of media."""
        shelves = [self._root / kind.value for kind in Kind if (self._root / kind.value).is_dir()]
        for shelf in shelves or [self._root]:
            target = shelf / folder.name
            try:
                folder.rename(target)
                target.rename(folder)
            except OSError as error:
                failure = os_failure(error, self._root, f"move a folder to {shelf}")
                return Check(_MOVABLE, CheckStatus.ERROR, failure.message, failure.hint)
            finally:
                with contextlib.suppress(OSError):
                    delete_tree(target)
        return Check(
            _MOVABLE, CheckStatus.OK, "finished folders can be moved into place in one step"
        )

    def _readability(self) -> Check:
        """The web server is another user: folders need r and x for all, those above x."""
        subject = "output readable by others"
        above = self._root.resolve().parents
        for folder in [*above, self._root, *(self._root / kind.value for kind in Kind)]:
            needed = stat.S_IXOTH if folder in above else stat.S_IROTH | stat.S_IXOTH
            try:
                mode = folder.stat().st_mode
            except OSError:
                continue  # a folder that does not exist yet will be made with the right mode
            if mode & needed != needed:
                rights = "x" if folder in above else "rx"
                return Check(
                    subject,
                    CheckStatus.WARNING,
                    f"{folder} is closed to other users: a web server that runs as one"
                    " cannot show the media.",
                    f"chmod o+{rights} {folder}, or run the web server as this user.",
                    f"chmod o+{rights} {shlex.quote(str(folder))}",
                )
        return Check(subject, CheckStatus.OK, "other users can read the published files")


class FreeSpaceChecks:
    """Checks how much space is free on the volume of a folder.

    Args:
        subject: name of the check.
        folder: any folder on the volume, which need not exist.
        min_free_bytes: free bytes below which no prompt is claimed; 0 for no minimum.
    """

    def __init__(self, subject: str, folder: Path, min_free_bytes: int) -> None:
        self._subject = subject
        self._folder = folder
        self._min_free_bytes = min_free_bytes

    def checks(self) -> Iterator[Check]:
        """One check; nothing is written."""
        try:
            yield self._check()
        except OSError as error:
            finding = f"The free space is unknown: {error.strerror}."
            yield Check(self._subject, CheckStatus.WARNING, finding)

    def _check(self) -> Check:
        failure = low_space(self._folder, self._min_free_bytes)
        if failure is not None:
            return Check(self._subject, CheckStatus.ERROR, failure.message, failure.hint)
        free = free_bytes(self._folder)
        if free is None:
            return Check(
                self._subject, CheckStatus.OK, "The volume does not report its free space."
            )
        minimum = (
            f"no prompt is claimed below {format_bytes(self._min_free_bytes)}"
            f" ({MIN_FREE_BYTES_KEY})"
            if self._min_free_bytes
            else "prompts are claimed however little that is"
        )
        finding = f"{format_bytes(free)} are free; {minimum}."
        if free < _LOW_SPACE_BYTES:
            remedy = "Free some space before the volume is full."
            return Check(self._subject, CheckStatus.WARNING, finding, remedy)
        return Check(self._subject, CheckStatus.OK, finding)
