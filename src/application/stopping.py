"""How a person's wish to stop reaches the work."""

from __future__ import annotations


class StopRequest:
    """A flag that is raised once; safe to raise from a signal handler."""

    def __init__(self) -> None:
        self._made = False

    @property
    def made(self) -> bool:
        """Whether the stop was asked for."""
        return self._made

    def make(self) -> None:
        """Ask for the stop."""
        self._made = True
