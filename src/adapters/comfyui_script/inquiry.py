"""Asking an interpreter or a script something short, for the checklist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_script.last_words import lines_of
from adapters.comfyui_script.process import Limits, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from application.ports.clock import Clock
    from domain.render import WorkflowProcess


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: what was printed, when the answer is good; "" otherwise.
        trouble: why there is no good answer, half a sentence, or "".
    """

    text: str
    trouble: str = ""


def ask(command: Sequence[str], directory: Path, seconds: float, clock: Clock) -> Reply:
    """Run a program that should answer on stdout within so many seconds."""
    try:
        ending = run(command, directory, Limits(seconds), clock, _Nobody())
    except OSError as error:
        return Reply("", f"could not be started: {error.strerror}")
    if ending.stop:
        return Reply("", f"did not answer within {seconds:g} seconds")
    if ending.status:
        words = lines_of(ending.stderr)
        return Reply("", f"ended with status {ending.status}: {words[-1] if words else 'no word'}")
    return Reply(ending.stdout.strip())


class _Nobody:
    """Nobody watches."""

    def started(self, workflow: WorkflowProcess) -> bool:  # noqa: ARG002 - nobody needs to know
        return True

    def heard(self, stream: str, chunk: bytes) -> None:
        """Not listened to."""

    def must_stop(self) -> bool:
        return False
