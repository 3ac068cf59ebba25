"""The log of events, without private text: prompts, lyrics, output of workflows, file names.

Some failures quote them in their messages, which therefore stay in the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from application.outbox_relay import Delivered, GivenUp, Postponed
from application.ports.events import QueuePaused, ServerUnhealthy, level_of, name_of
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.stdlib import BoundLogger

    from application.outbox_relay import DeliveryResult
    from application.ports.events import Event
    from domain.failure import Failure

_DIGITS: Final = 3  # decimal places of seconds and fractions


SAFE_CODES: Final = frozenset(
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
        FailureCode.MODEL_BROKEN,
        FailureCode.EXPORT_OUTDATED,
        FailureCode.GPU_UNAVAILABLE,
        FailureCode.TOO_MANY_OPEN_FILES,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.CONNECTION_REFUSED,
        FailureCode.OUTPUT_ROOT_MISSING,
        FailureCode.OUTPUT_NOT_WRITABLE,
        FailureCode.DISK_FULL,
        FailureCode.DATABASE_CONSTRAINT,
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.SERVER_LOST,
        FailureCode.SERVER_STUCK,
        FailureCode.SERVER_BUSY,
        FailureCode.CLUSTER_UNUSABLE,
        FailureCode.JOB_INTERRUPTED,
        FailureCode.INTERRUPTED,
        FailureCode.CANCELLED,
    }
)
"""Codes whose messages consist of fixed text, numbers, configured paths and names of the database's
schema alone."""


def redacted_failure(failure: Failure) -> dict[str, object]:
    """Code, hint, and the message if it cannot quote anything private; never the detail."""
    fields: dict[str, object] = {"code": failure.code.value}
    if failure.code in SAFE_CODES:
        fields["message"] = failure.message
    fields["hint"] = failure.hint
    return fields


def redacted_reason(code: str, reason: str) -> str:
    """The reason of a pause or of an unhealthy server, or the hint if it may quote something.

    Args:
        code: the failure's code, or "" if a person paused the queue.
        reason: the reason as the event has it.
    """
    if code in set(FailureCode) and FailureCode(code) not in SAFE_CODES:
        return FailureCode(code).hint
    return reason


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log.

    Attributes:
        level: as in ``logging``, such as 20 for INFO.
        event: name of the event; it never changes.
        fields: values that JSON can hold.
    """

    level: int
    event: str
    fields: dict[str, object]


_FieldFormat = Callable[[Any], "Mapping[str, object]"]

_FIELDS: Final[Mapping[str, _FieldFormat]] = MappingProxyType(
    {
        "prompt_id": lambda number: {"prompt": number},
        "render_id": lambda number: {"render": number},
        "kind": lambda kind: {"kind": kind.value},
        "seconds": lambda seconds: {"seconds": round(seconds, _DIGITS)},
        "fraction": lambda fraction: {"fraction": round(fraction, _DIGITS)},
        "file_paths": lambda paths: {"files": len(paths)} if paths else {},
        "attempt": lambda attempt: {"attempt": attempt},
        "wait": lambda wait: {"wait": round(wait, _DIGITS)},
        "failure": redacted_failure,
        "by": lambda by: {"by": str(by)},
        "code": lambda code: {"code": code} if code else {},
        "reason": lambda reason: {"reason": reason} if reason else {},
        "source": lambda number: {"source": number},
        "server": lambda server: {"server": server},
        "pid": lambda pid: {"pid": pid},
        # Configured, as paths in messages are.
        "workflow": lambda name: {"workflow": name} if name else {},
        "prompts": lambda number: {"prompts": number},
        "media_type": lambda media_type: {"media_type": media_type},
        "picture": lambda picture: {"bytes": len(picture)},
    }
)
"""How each field of an event is logged; fields without a row may be private and are left out."""


def line_of(event: Event) -> Line:
    """The log line for an event: no text of a prompt or a workflow, and no file name."""
    logged: dict[str, object] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if value is not None and field.name in _FIELDS:
            logged |= _FIELDS[field.name](value)
    if isinstance(event, QueuePaused | ServerUnhealthy):
        logged["reason"] = redacted_reason(event.code, event.reason)
    return Line(level_of(event), name_of(event), logged)


class EventLog:
    """Logs every event, from any thread; neither waits for a disk nor raises."""

    def __init__(self, logger: BoundLogger) -> None:
        self._logger = logger

    def handle(self, event: Event) -> None:
        """Log an event."""
        if not self._logger.isEnabledFor(level_of(event)):
            return  # what comes several times a second
        line = line_of(event)
        self._logger.log(line.level, line.event, **line.fields)


def log_delivery(logger: BoundLogger, result: DeliveryResult) -> None:
    """Log an attempt to deliver a message to a hook."""
    delivery = result.delivery
    fields = {
        "prompt": delivery.prompt_id,
        "render": delivery.render_id,
        "hook": f"{delivery.subscription.event}.{delivery.subscription.channel}",
        "delivery": delivery.delivery_id,
    }
    match result:
        case Delivered():
            logger.info("hook.told", **fields)
        case Postponed(error=error, wait=wait):
            logger.warning("hook.postponed", **fields, reason=error, wait=round(wait, 1))
        case GivenUp(error=error):
            logger.error("hook.given_up", **fields, reason=error)
