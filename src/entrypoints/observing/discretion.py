"""What of a failure may be written down where others read it.

Prompt text is private. Some messages quote what a workflow printed, a name out of a brief, or the
name of a file, which a workflow may well make from the prompt; those stay in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.failure import FailureCode

if TYPE_CHECKING:
    from domain.failure import Failure

OWN_WORDS: Final = frozenset(
    {
        FailureCode.WORKFLOW_FAILED,
        FailureCode.WORKFLOW_KILLED,
        FailureCode.TIMED_OUT,
        FailureCode.STALLED,
        FailureCode.WORKER_LOST,
        FailureCode.PROGRAM_ERROR,
        FailureCode.INTERPRETER_MISSING,
        FailureCode.SCRIPT_MISSING,
        FailureCode.COMFYUI_MISSING,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.CONNECTION_REFUSED,
        FailureCode.OUTPUT_ROOT_MISSING,
        FailureCode.OUTPUT_NOT_WRITABLE,
        FailureCode.DISK_FULL,
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.SERVER_LOST,
        FailureCode.SERVER_STUCK,
        FailureCode.JOB_INTERRUPTED,
        FailureCode.INTERRUPTED,
        FailureCode.CANCELLED,
    }
)
"""The codes whose messages are made of our own words, numbers and configured paths alone."""


def telling(failure: Failure) -> dict[str, object]:
    """Code, hint, and the message where it cannot quote anything private; never the detail."""
    told: dict[str, object] = {"code": failure.code.value}
    if failure.code in OWN_WORDS:
        told["message"] = failure.message
    told["hint"] = failure.hint
    return told


def reason_of_pause(code: str, reason: str) -> str:
    """Why the queue is paused: a person's own words, or what may be told of the failure.

    Args:
        code: of the failure, or "" when a person paused.
        reason: as the event has it.
    """
    if code in set(FailureCode) and FailureCode(code) not in OWN_WORDS:
        return FailureCode(code).hint
    return reason
