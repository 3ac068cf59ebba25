"""Starting a script, in a session of its own, behind a gate.

The script may run only after everybody who must know of it does: an orphan that nobody knows of
could be neither found nor ended. So a shell is started in its place, which waits on its input
for one line and then becomes the script: same number, same group, same time of start. When the
line does not come, because we refuse or because we are dead, the shell ends without a deed.

The script's environment is ours, except for our own settings and for PWD, which the shell puts
right; some shells drop variables whose names no shell could use.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from adapters.comfyui_script.program import why_no_program
from adapters.comfyui_script.start_failure import start_failure
from adapters.processes.adoption import start_child
from adapters.processes.mark import MARK, mark_of
from adapters.processes.process_table import entry_of
from domain.render import WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHELL = "/bin/sh"
_NO_LINE = 125  # what the shell's end is called when the gate stays shut
_GATE = f'read -r {MARK} || exit {_NO_LINE}; export {MARK}; exec "$@" </dev/null'
_OURS = "MEDIA_GENERATOR_"
_NOT_STARTED = frozenset({126, 127})  # a shell's exit codes when it cannot become the program


class GatedScript:
    """A script that waits until it may run.

    Attributes:
        child: the process; its output and its errors are pipes that never block a reader.
        process: what others must know of it.
    """

    def __init__(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        """Start what will become the script, as the leader of a new session and group.

        Args:
            command: program and arguments.
            directory: to run in.
            environment: variables over our own.

        Raises:
            OSError: it cannot be started.
        """
        # Always UTF-8: what a brief says does not depend on the locale that we run in.
        self._command = [part.encode("utf-8", "surrogateescape") for part in command]
        self._directory = os.fsencode(directory)
        self._environment = _environment() | dict(environment)
        # Whoever reads this name on a line of errors knows that the shell wrote the line.
        self._shell = f"gate-{os.urandom(8).hex()}"
        if error := why_no_program(self._command[0], self._directory):
            raise error
        self.child = start_child(self._start)
        for pipe in (self.child.stdout, self.child.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        entry = entry_of(self.child.pid)
        self.process = WorkflowProcess(self.child.pid, entry.started if entry else "")

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [SHELL, "-c", _GATE, self._shell, *self._command],
            cwd=self._directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env=self._environment,
        )

    def open_gate(self) -> None:
        """Let it run. Its input is empty."""
        gate = self.child.stdin
        if gate is not None:
            with contextlib.suppress(BrokenPipeError):  # somebody killed it: its status tells
                gate.write(f"{mark_of(self.process)}\n".encode())
            gate.close()

    def close_gate(self) -> None:
        """Let it end if it does not run yet."""
        if self.child.stdin is not None:
            self.child.stdin.close()

    def why_not_started(self, status: int, stderr: str) -> OSError | None:
        """Why the shell could not become the script, or None when it did, as far as is known."""
        last = stderr.rstrip("\n").rpartition("\n")[2]
        if status not in _NOT_STARTED or not last.startswith(self._shell):
            return None
        return start_failure(self._command, self._directory, self._environment)


def _environment() -> dict[str, str]:
    """Ours, without our own settings: a script has no use for them, and some are secrets.

    Python programs write without a buffer, so that progress is seen while it is made.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return inherited | {"PYTHONUNBUFFERED": "1"}
