"""Starting a script, in a session of its own."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.comfyui_script.workflow import ScriptWorkflow

_OURS = "MEDIA_GENERATOR_"
_NOT_A_PROGRAM = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOEXEC,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ETXTBSY,
    }
)


def spawn(command: Sequence[str], directory: Path) -> subprocess.Popen[bytes]:
    """Start a program as the leader of a new session and process group.

    Its input is empty; its output and its errors are pipes that never block a reader. Python
    programs write to them without a buffer, so that progress is seen while it is made.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        # Always UTF-8: what a brief says does not depend on the locale that we run in.
        [part.encode("utf-8", "surrogateescape") for part in command],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        env=_environment(),
    )
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
    return process


def _environment() -> dict[str, str]:
    """Ours, without our own settings: a script has no use for them, and some are secrets."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return inherited | {"PYTHONUNBUFFERED": "1"}


def why_not_started(error: OSError, workflow: ScriptWorkflow) -> Failure | None:
    """The failure that an error at the start means, or None when it is none of those known."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.E2BIG:
        return Failure(
            FailureCode.ARGUMENT_TOO_LONG,
            "all arguments of the script together are longer than the system allows",
        )
    if error.errno in {errno.ENOMEM, errno.EAGAIN}:
        return Failure(
            FailureCode.OUT_OF_MEMORY, f"no process could be started for the script: {reason}"
        )
    if not workflow.working_directory.is_dir():
        return Failure(
            FailureCode.COMFYUI_MISSING,
            f"the ComfyUI directory {workflow.working_directory} is not there",
        )
    if error.errno in _NOT_A_PROGRAM:
        return Failure(
            FailureCode.INTERPRETER_MISSING,
            f"the interpreter {workflow.interpreter} cannot be started: {reason}",
        )
    return None
