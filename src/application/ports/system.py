"""The ports to the operating system: time, processes, and the service manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from domain.lease import Liveness, ProcessIdentity, Termination
    from domain.render import WorkflowProcess


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The wall clock, in UTC, as an aware datetime. It may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...


class Jitter(Protocol):
    """Spreads waits, so that things that failed together are not retried together."""

    def fraction(self) -> float:
        """A random number from 0 to 1."""
        ...


class Processes(Protocol):
    """The processes of this machine."""

    def me(self) -> ProcessIdentity:
        """This process."""
        ...

    def liveness_of(self, owner: ProcessIdentity) -> Liveness:
        """Whether a process is alive, as far as can be seen from here."""
        ...

    def end_workflow(self, owner: ProcessIdentity, workflow: WorkflowProcess) -> Termination:
        """Kill a process group whose owner is lost, if it is still the recorded one.

        If another process has the number, it is left alone: the workflow has ended.
        """
        ...


class ServiceManager(Protocol):
    """Messages from the daemon to its service manager, if there is one. Never raises."""

    @property
    def watchdog_seconds(self) -> float | None:
        """The interval between calls of ``watchdog`` that it expects; None if it expects none."""
        ...

    def ready(self) -> None:
        """Report that the daemon has started, or has reloaded its settings."""
        ...

    def reloading(self) -> None:
        """Report that it is reloading its settings; ``ready`` must follow."""
        ...

    def stopping(self) -> None:
        """Report that it is about to end."""
        ...

    def watchdog(self) -> None:
        """Report that it is alive."""
        ...

    def status(self, text: str) -> None:
        """Set the status text, one line."""
        ...
