"""A real ``mediagen daemon``, controlled by signals and observed by its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from benchmarks.arrivals import Author

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.workflow import Installation

CLAIMED, READY = "render.started", "prompt.ready"
_LOOK_EVERY = 0.02  # seconds
_PATIENCE = 120.0  # seconds without any log line
_WELL = frozenset({"info", "debug"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log.

    Attributes:
        event: its name.
        at: time in seconds since the epoch, by the daemon's own clock.
        prompt_id: the prompt that it is about, if any.
    """

    event: str
    at: float
    prompt_id: int | None


def read_line(text: str) -> Line:
    """Parse one line of the log, which is JSON.

    Raises:
        AssertionError: an error in the daemon, which makes the figures useless.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
    except ValueError:
        raise AssertionError(text) from None  # it did not even begin
    assert fields["level"] in _WELL, text
    at = datetime.fromisoformat(fields["timestamp"]).timestamp()
    return Line(fields["event"], at, fields.get("prompt"))


class RunningDaemon:
    """A running daemon.

    Attributes:
        pid: its process id.
        lines: the lines of its log that were read so far.
        database: path of its database.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: IO[str], database: Path) -> None:
        self.pid = process.pid
        self.lines: list[Line] = []
        self.database = database
        self._process = process
        self._log = log
        self._half = ""

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def read(self) -> list[Line]:
        """New lines of the log since the last call."""
        *whole, self._half = (self._half + self._log.read()).split("\n")
        fresh = [read_line(text) for text in whole]
        self.lines.extend(fresh)
        return fresh

    def await_ready(self, count: int, patience: float = _PATIENCE) -> list[Line]:
        """Wait for so many prompts to become ready; returns the log lines of that time.

        Args:
            count: number of prompts.
            patience: seconds without any log line after which it gives up.
        """
        came: list[Line] = []
        left, patience_ends = count, time.monotonic() + patience
        while left > 0:
            if fresh := self.read():
                patience_ends = time.monotonic() + patience
            came += fresh
            left -= sum(line.event == READY for line in fresh)
            assert self.is_running(), f"the daemon ended with {self._process.returncode}"
            assert time.monotonic() < patience_ends, f"{left} prompts never became ready"
            if left > 0:
                time.sleep(_LOOK_EVERY)
        return came

    def warm_up(self) -> None:
        """Render one prompt first, so that every part was used once."""
        Author.write(self.database, 1)
        self.await_ready(1)


@contextmanager
def running_daemon(
    installation: Installation, database: Path, *options: str, checkout: Path | None = None
) -> Iterator[RunningDaemon]:
    """A daemon over an installation; it is terminated with the block, and must end successfully.

    Args:
        installation: the stand-in for ComfyUI.
        database: the database in the installation's configuration.
        options: options of ``mediagen``, before the command.
        checkout: another build, which runs with this one's libraries; None for this one.
    """
    mediagen = Path(sysconfig.get_path("scripts")) / "mediagen"
    command = [str(mediagen), "--config", str(installation.config), *options, "daemon"]
    foreign = ("MEDIA_GENERATOR_", "NOTIFY_SOCKET", "WATCHDOG_")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(foreign)
    }
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout / "src")
    log = installation.directory / "daemon.log"
    with (
        log.open("wb") as written,
        log.open() as read,
        subprocess.Popen(
            command, cwd=installation.directory, env=environment, stderr=written
        ) as process,
    ):
        try:
            yield RunningDaemon(process, read, database)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()[-2000:]
        finally:
            process.kill()
