"""What systemd and launchd have in common: their interface, their programs, their files."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from shutil import which
from typing import TYPE_CHECKING, Protocol

from entrypoints.service.service_definition import MARK, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entrypoints.service.service_definition import ServiceDefinition

_TIMEOUT_SECONDS = 150.0  # a start lasts until the daemon says that it is ready
_RETRY_INTERVAL = 0.5  # seconds
_NOT_FOUND = 127  # the exit code of a shell


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the manager's program.

    Attributes:
        command: the program and its arguments.
        accepted: exit codes that count as success, besides 0.
        busy: exit codes that are temporary; the call is repeated.
        busy_seconds: how long it is repeated.
    """

    command: tuple[str, ...]
    accepted: tuple[int, ...] = ()
    busy: tuple[int, ...] = ()
    busy_seconds: float = 0.0

    def __str__(self) -> str:
        return shlex.join(self.command)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a call of the manager's program ended.

    Attributes:
        code: its exit code.
        output: its standard output.
        error: its error message, or "".
    """

    code: int
    output: str
    error: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of a service; None means that the manager did not say.

    Attributes:
        enabled: whether it starts automatically.
        active: whether it is running.
        description: the state in the manager's own words.
        pid: the daemon's process, or None.
    """

    enabled: bool | None
    active: bool | None
    description: str
    pid: int | None = None


class Manager(Protocol):
    """A service manager."""

    title: str

    def file(self, name: str) -> Path:
        """The path of the service's file."""
        ...

    def text(self, service: ServiceDefinition) -> str:
        """The text of the service's file."""
        ...

    def install_steps(self, name: str, *, changed: bool, start: bool) -> Sequence[Step]:
        """The steps that make the manager load the file and, if asked, start the service."""
        ...

    def stop_steps(self, name: str) -> Sequence[Step]:
        """The steps that stop the service, before its file is removed."""
        ...

    def links(self, name: str) -> Sequence[Path]:
        """Further files that the manager made for the service."""
        ...

    def forget_steps(self, name: str) -> Sequence[Step]:
        """The steps that make the manager forget a file that was removed."""
        ...

    def state(self, name: str) -> ServiceState:
        """The state of the service."""
        ...

    def log_location(self, name: str) -> str:
        """The daemon's log: its path, or the command that shows it."""
        ...

    def notes(self) -> Sequence[str]:
        """What a person should know about services on this machine."""
        ...


def run_command(command: Sequence[str]) -> CommandResult:
    """Call a program and wait for it; one that is missing or hangs gives a result too."""
    program = which(command[0])
    if program is None:
        return CommandResult(_NOT_FOUND, "", f"there is no {command[0]} on PATH")
    try:
        ended = subprocess.run(  # noqa: S603 - the service manager's own program, no shell
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return CommandResult(_NOT_FOUND, "", f"no answer for {_TIMEOUT_SECONDS:g} seconds")
    code = ended.returncode
    error = (ended.stderr.strip() or f"exit code {code}") if code else ""
    return CommandResult(code, ended.stdout, error)


def run_step(step: Step) -> str:
    """Make a call, and repeat it while the manager is busy.

    Returns:
        The error message, or "" if it succeeded.
    """
    end = time.monotonic() + step.busy_seconds
    result = run_command(step.command)
    while result.code in step.busy and time.monotonic() < end:
        time.sleep(_RETRY_INTERVAL)
        result = run_command(step.command)
    return "" if result.code in step.accepted else result.error


def write_file(file: Path, text: str) -> bool:
    """Write a service's file as a whole, readable by its owner only.

    Returns:
        Whether the text differs from that of the file before.

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
    """Raise ServiceError if the file exists and was not made by ``service install``."""
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
