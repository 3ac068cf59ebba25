"""What systemd and launchd have in common for us, and how their programs are called."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass
from shutil import which
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entrypoints.service.definition import ServiceDefinition

_PATIENCE_SECONDS = 150.0  # a start is waited for until the daemon says that it is ready
_PAUSE_SECONDS = 0.5
_NOT_FOUND = 127  # as a shell says it


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the manager's program.

    Attributes:
        words: the program and its arguments.
        accepted: exit codes that are as good as 0.
        busy: exit codes that pass by themselves; the call is made again.
        busy_seconds: for how long.
    """

    words: tuple[str, ...]
    accepted: tuple[int, ...] = ()
    busy: tuple[int, ...] = ()
    busy_seconds: float = 0.0

    def __str__(self) -> str:
        return shlex.join(self.words)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the manager's program said.

    Attributes:
        code: its exit code.
        out: its standard output.
        trouble: in its own words, or "".
    """

    code: int
    out: str
    trouble: str


@dataclass(frozen=True, slots=True)
class State:
    """How a service is; None means that the manager did not say.

    Attributes:
        enabled: whether it starts by itself.
        active: whether it runs.
        words: the manager's own for it.
        pid: of the daemon, or None.
    """

    enabled: bool | None
    active: bool | None
    words: str
    pid: int | None = None


class Manager(Protocol):
    """A service manager."""

    title: str

    def file(self, name: str) -> Path:
        """Where the service's file belongs."""
        ...

    def text(self, service: ServiceDefinition) -> str:
        """The file's text."""
        ...

    def install_steps(self, name: str, *, changed: bool, start: bool) -> Sequence[Step]:
        """What makes the manager take the file in, and start it unless told otherwise."""
        ...

    def stop_steps(self, name: str) -> Sequence[Step]:
        """What ends the service for good; before the file goes."""
        ...

    def links(self, name: str) -> Sequence[Path]:
        """What else lies on the disk because of the file."""
        ...

    def forget_steps(self, name: str) -> Sequence[Step]:
        """What makes the manager forget the file that went."""
        ...

    def state(self, name: str) -> State:
        """How the service is."""
        ...

    def log_words(self, name: str) -> str:
        """How to read what the daemon prints."""
        ...

    def remarks(self) -> Sequence[str]:
        """What a person should know about services on this machine."""
        ...


def asked(words: Sequence[str]) -> Answer:
    """Call a program and hear it out; one that is missing or hangs is an answer too."""
    found = which(words[0])
    if found is None:
        return Answer(_NOT_FOUND, "", f"there is no {words[0]} on PATH")
    try:
        ended = subprocess.run(  # noqa: S603 - the service manager's own program, no shell
            [found, *words[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Answer(_NOT_FOUND, "", f"no answer for {_PATIENCE_SECONDS:g} seconds")
    code = ended.returncode
    trouble = (ended.stderr.strip() or f"exit code {code}") if code else ""
    return Answer(code, ended.stdout, trouble)


def taken(step: Step) -> Answer:
    """Make a call, again while the manager is busy; the trouble is "" when it went well."""
    end = time.monotonic() + step.busy_seconds
    answer = asked(step.words)
    while answer.code in step.busy and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
        answer = asked(step.words)
    return Answer(answer.code, answer.out, "") if answer.code in step.accepted else answer
