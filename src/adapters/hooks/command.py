"""The hook that is a program: it reads the payload from its standard input.

It runs in a session and a process group of its own, never through a shell. When it ends or its
time is up, whatever is left of the group is killed.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
from contextlib import closing
from typing import IO, TYPE_CHECKING

from adapters.processes.children import kill_group, start_child
from adapters.processes.process_table import entry_of
from application.ports.hooks import DeliveryFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.ports.system import Clock

_SETTINGS_PREFIX = "MEDIA_GENERATOR_"
_CHUNK_BYTES = 65_536
_MAX_OUTPUT_BYTES = 4096  # kept from the end of what it prints
_MIN_POLL, _MAX_POLL = 0.002, 0.1  # seconds between two checks whether it has exited


class CommandTransport:
    """Runs one program for each message.

    Args:
        command: the program and its arguments, passed as they are.
        variables: environment variables for it, besides ours without mediagen's settings.
        clock: for waits.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], clock: Clock) -> None:
        self._command = tuple(command)
        self._variables = dict(variables)
        self._clock = clock

    def send(
        self, delivery_id: str, body: bytes, remaining: Callable[[], float]
    ) -> DeliveryFailure | None:
        """Run the program until it ends; exit code 0 means delivered.

        Args:
            delivery_id: unique id of the message; the program gets it as MEDIAGEN_DELIVERY.
            body: the payload, JSON in UTF-8.
            remaining: seconds left; at 0 the program is killed.
        """
        # The input is a file, so that a program that does not read it blocks nothing.
        with tempfile.TemporaryFile() as payload:
            try:
                payload.write(body)
                payload.seek(0)
                child = start_child(lambda: self._start(payload, delivery_id))
            except OSError as error:
                reason = error.strerror or error
                return DeliveryFailure(f"the command could not be started: {reason}")
        with child, closing(_Output(child)) as output:
            in_time = _wait_for_exit(child, output, remaining, self._clock)
            output.read()
        if not in_time:
            return DeliveryFailure("the command did not end in time and was killed")
        if child.returncode == 0:
            return None
        status, last_line = child.returncode, output.last_line()
        how = f"ended with exit code {status}" if status > 0 else f"was killed by signal {-status}"
        return DeliveryFailure(f"the command {how}" + (f": {last_line}" if last_line else ""))

    def _start(self, payload: IO[bytes], delivery_id: str) -> subprocess.Popen[bytes]:
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(_SETTINGS_PREFIX)
        }
        return subprocess.Popen(  # noqa: S603 - running the configured command is the purpose
            self._command,
            stdin=payload,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            env={**inherited, **self._variables, "MEDIAGEN_DELIVERY": delivery_id},
        )


class _Output:
    """The output of a program, read without blocking; only its end is kept."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._end = bytearray()
        self._selector = selectors.DefaultSelector()
        if child.stdout is not None:
            os.set_blocking(child.stdout.fileno(), False)
            self._selector.register(child.stdout.fileno(), selectors.EVENT_READ)

    def close(self) -> None:
        """Stop reading."""
        self._selector.close()

    def read(self, wait: float = 0.0) -> bool:
        """Read what is there or arrives within so many seconds; False after the end of it."""
        for key, _ in self._selector.select(wait) if self._selector.get_map() else ():
            chunk = os.read(key.fd, _CHUNK_BYTES)
            self._end += chunk
            del self._end[:-_MAX_OUTPUT_BYTES]
            if not chunk:
                self._selector.unregister(key.fd)
        return bool(self._selector.get_map())

    def last_line(self) -> str:
        """The last line of the output, or ""."""
        lines = self._end.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


def _wait_for_exit(
    child: subprocess.Popen[bytes], output: _Output, remaining: Callable[[], float], clock: Clock
) -> bool:
    """Whether the program exited in time; afterwards nothing of its group is left."""
    pause = _MIN_POLL
    try:
        while (entry := entry_of(child.pid)) is not None and not entry.ended:
            left = remaining()
            if left <= 0:
                return False
            if not output.read(min(pause, left)):
                clock.sleep(min(pause, left))
            pause = min(2 * pause, _MAX_POLL)
        return True
    finally:
        kill_group(child, clock)
