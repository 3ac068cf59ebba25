"""Why a script did not start, and what that means."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from adapters.comfyui_script.program import why_no_program
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.comfyui_script.workflow import ScriptWorkflow

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
_MOST_ARGUMENTS = 6 * 1024**2  # bytes, on Linux, however large the stack may be; execve(2)
_POINTER = 8  # bytes, for each string
_NEAR = 0.9  # of the limit: where the rest of what the system counts can matter


def start_failure(
    command: Sequence[bytes], directory: bytes, environment: Mapping[str, str]
) -> OSError:
    """What the system said, most likely, when it did not start a program. It is asked again."""
    if error := why_no_program(command[0], directory):
        return error
    strings = [*command, *(os.fsencode(f"{name}={text}") for name, text in environment.items())]
    size = sum(len(string) + 1 + _POINTER for string in strings)
    limit = min(os.sysconf("SC_ARG_MAX"), _MOST_ARGUMENTS)
    number = errno.E2BIG if size > _NEAR * limit else errno.ENOEXEC
    return OSError(number, os.strerror(number), os.fsdecode(command[0]))


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
        culprit = _name(error)
        if culprit not in {"", str(workflow.interpreter)}:  # what it needs itself, or a shell
            reason = f"{reason} ({culprit})"
        return Failure(
            FailureCode.INTERPRETER_MISSING,
            f"the interpreter {workflow.interpreter} cannot be started: {reason}",
        )
    return None


def _name(error: OSError) -> str:
    return os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
