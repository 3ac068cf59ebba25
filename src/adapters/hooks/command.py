"""A hook that is a program: it gets the payload on its standard input.

It runs in a session and a process group of its own, never through a shell; when it ends, or its
time is over, whatever is left of the group is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
from contextlib import closing
from typing import IO, TYPE_CHECKING

from adapters.processes.adoption import reap_child, start_child
from adapters.processes.group_ending import await_end, signal_group
from adapters.processes.process_table import entry_of
from application.ports.notice_sender import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.ports.clock import Clock

_OURS = "MEDIA_GENERATOR_"
_CHUNK = 65_536
_KEPT_BYTES = 4096  # of what it printed last
_FIRST_STEP, _LONGEST_STEP = 0.002, 0.1  # seconds between two looks whether it ended


class Command:
    """Runs one program for each delivery.

    Args:
        words: the program and its arguments, as given.
        variables: set for it, besides our own environment without our settings.
        clock: for waits.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], clock: Clock) -> None:
        self._words = tuple(words)
        self._variables = dict(variables)
        self._clock = clock

    def send(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> Refusal | None:
        """Run it to its end; exit code 0 is delivered."""
        # A file as its input: whoever does not read it keeps nobody waiting.
        with tempfile.TemporaryFile() as payload:
            try:
                payload.write(body)
                payload.seek(0)
                child = start_child(lambda: self._start(payload, delivery_id))
            except OSError as error:
                return Refusal(f"the command could not be started: {error.strerror or error}")
        with child, closing(_Output(child)) as output:
            in_time = _to_its_end(child, output, remaining, self._clock)
            output.read()
        if not in_time:
            return Refusal("the command did not end in time and was killed")
        if child.returncode == 0:
            return None
        return Refusal(_told(child.returncode, output.last_line()))

    def _start(self, payload: IO[bytes], delivery_id: str) -> subprocess.Popen[bytes]:
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        return subprocess.Popen(  # noqa: S603 - running the configured command is the purpose
            self._words,
            stdin=payload,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            env={**inherited, **self._variables, "MEDIAGEN_DELIVERY": delivery_id},
        )


class _Output:
    """What a program prints: read without waiting, and only the end of it kept."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._kept = bytearray()
        self._selector = selectors.DefaultSelector()
        if child.stdout is not None:
            os.set_blocking(child.stdout.fileno(), False)
            self._selector.register(child.stdout.fileno(), selectors.EVENT_READ)

    def close(self) -> None:
        """Read no more."""
        self._selector.close()

    def read(self, wait: float = 0.0) -> bool:
        """Read what is there, or comes within so many seconds; False when no more can come."""
        for key, _ in self._selector.select(wait) if self._selector.get_map() else ():
            chunk = os.read(key.fd, _CHUNK)
            self._kept += chunk
            del self._kept[:-_KEPT_BYTES]
            if not chunk:
                self._selector.unregister(key.fd)
        return bool(self._selector.get_map())

    def last_line(self) -> str:
        """The last line that it printed, or ""."""
        lines = self._kept.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


def _to_its_end(
    child: subprocess.Popen[bytes], output: _Output, remaining: Callable[[], float], clock: Clock
) -> bool:
    """Wait for the end; False when the time was over. Nothing of its group is left then."""
    step = _FIRST_STEP
    try:
        while not _has_ended(child.pid):
            left = remaining()
            if left <= 0:
                return False
            if not output.read(min(step, left)):
                clock.sleep(min(step, left))
            step = min(2 * step, _LONGEST_STEP)
        return True
    finally:
        # The leader is not reaped yet, so the number of its group is still its own.
        signal_group(child.pid, signal.SIGKILL)
        reap_child(child)
        await_end(child.pid, clock)


def _has_ended(pid: int) -> bool:
    """Without reaping it."""
    entry = entry_of(pid)
    return entry is None or entry.ended


def _told(status: int, printed: str) -> str:
    how = f"ended with exit code {status}" if status > 0 else f"was killed by signal {-status}"
    return f"the command {how}" + (f": {printed}" if printed else "")
