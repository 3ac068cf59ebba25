"""Examining the output root, one line for each thing that the contract's section 7 asks for."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from adapters.filesystem.health_trial import try_out
from adapters.filesystem.os_failures import missing_root
from adapters.filesystem.room import SETTING, free_bytes, in_units, no_room
from application.ports.health import Check, Health
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMFORTABLE_BYTES = 2 * 1024**3


class OutputRootProbe:
    """Says whether media could be stored below a root and be seen by others.

    Args:
        output_root: need not exist.
        floor: bytes of free room below which nothing is claimed; 0 for no such floor.
    """

    def __init__(self, output_root: Path, floor: int = 0) -> None:
        self._root = output_root
        self._floor = floor

    def checks(self) -> Iterator[Check]:
        """Examine; a folder and a file are made and removed again, nothing else is touched."""
        presence = self._presence()
        yield presence
        if presence.health is Health.BROKEN:
            return
        yield self._paths()
        yield from try_out(self._root)
        yield self._readability()
        yield from RoomProbe("output free space", self._root, self._floor).checks()

    def _presence(self) -> Check:
        subject = "output root"
        try:
            missing = missing_root(self._root)
        except OSError as error:
            finding = f"{self._root} cannot be looked at: {error.strerror}."
            remedy = "Give yourself the right to enter the folders above it (chmod u+x)."
            return Check(subject, Health.BROKEN, finding, remedy)
        if missing is not None:
            return Check(subject, Health.BROKEN, missing.message, missing.hint)
        return Check(subject, Health.WELL, f"{self._root} is a folder.")

    def _paths(self) -> Check:
        """Rows hold paths relative to the root, beginning with the kind (section 4)."""
        subject = "output paths"
        if not self._root.is_absolute():
            finding = f"{self._root} is relative: where it lies depends on who starts the program."
            return Check(subject, Health.BROKEN, finding, "Set an absolute output root.")
        if self._root.name in set(Kind):
            name = self._root.name
            return Check(
                subject,
                Health.WARNING,
                f"The root is itself called {name!r}: its media get paths like {name}/{name}/…,"
                " and rows would say image/… from there on.",
                f"Set comfyui.output_directory to {self._root.parent}, unless that is meant.",
            )
        return Check(subject, Health.WELL, "File paths are relative to the output root.")

    def _readability(self) -> Check:
        """The web server is another user: folders need r and x for all, those above x."""
        subject = "output readable by others"
        shelves = [self._root / kind.value for kind in Kind]
        for folder in [*self._root.resolve().parents, self._root, *shelves]:
            below = folder in self._root.resolve().parents
            needed = stat.S_IXOTH if below else stat.S_IROTH | stat.S_IXOTH
            try:
                mode = folder.stat().st_mode
            except OSError:
                continue  # a shelf that is not there yet will be made with the right mode
            if mode & needed != needed:
                rights = "x" if below else "rx"
                return Check(
                    subject,
                    Health.WARNING,
                    f"{folder} is closed to other users: a web server that runs as one"
                    " cannot show the media.",
                    f"chmod o+{rights} {folder}, or run the web server as this user.",
                )
        return Check(subject, Health.WELL, "Other users can read what is published.")


class RoomProbe:
    """Says how much room there is on the volume of a folder.

    Args:
        subject: what the line is called.
        folder: need not exist.
        floor: bytes below which nothing is claimed; 0 for no such floor.
    """

    def __init__(self, subject: str, folder: Path, floor: int) -> None:
        self._subject = subject
        self._folder = folder
        self._floor = floor

    def checks(self) -> Iterator[Check]:
        """One line; nothing is written."""
        try:
            yield self._check()
        except OSError as error:
            finding = f"It cannot be told: {error.strerror}."
            yield Check(self._subject, Health.WARNING, finding)

    def _check(self) -> Check:
        failure = no_room(self._folder, self._floor)
        if failure is not None:
            return Check(self._subject, Health.BROKEN, failure.message, failure.hint)
        free = free_bytes(self._folder)
        if free is None:
            return Check(self._subject, Health.WELL, "The volume does not tell its room.")
        pauses = f"below {in_units(self._floor)} ({SETTING})" if self._floor else "for want of room"
        claims = "nothing is claimed" if self._floor else "claims never pause"
        finding = f"{in_units(free)} are free; {claims} {pauses}."
        if free < _COMFORTABLE_BYTES:
            return Check(self._subject, Health.WARNING, finding, "Make room before it runs out.")
        return Check(self._subject, Health.WELL, finding)
